"""The scheduled scan: steps of unknown time in many series at once."""
