"""How often the shipped thresholds are wrong on a user's own history, and what would mend it."""
