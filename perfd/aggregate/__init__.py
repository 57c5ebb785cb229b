"""Measurements to windows: spans, exemplars, profiles, the cardinality cap."""
