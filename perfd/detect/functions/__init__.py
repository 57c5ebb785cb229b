"""Functions of a service: whose share of its CPU rose, and whether that is a regression."""
