"""What perfd would catch of each series, measured on copies of its own recent hours."""
