"""Findings to decisions: the state machine, verification, and the words of a ticket."""
