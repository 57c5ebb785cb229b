"""A canary beside the old version: what its first minutes say, at any time they are asked."""
