"""What grows: slow drift, leaks, what fills up, and series of small counts."""
