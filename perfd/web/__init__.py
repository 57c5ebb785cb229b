"""The door for people and programs: pages, API, metrics, health."""
