"""The demonstration: a sample shop that gets slower, and the real perfd that finds out why."""
