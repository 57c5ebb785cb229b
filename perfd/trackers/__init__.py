"""Doors out: where tickets are mirrored."""
