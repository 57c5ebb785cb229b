"""The door to the disk: one contract, several implementations, and the request log."""
