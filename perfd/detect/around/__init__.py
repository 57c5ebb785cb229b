"""What is around a change that the scan found: what else could explain it, told by time."""
