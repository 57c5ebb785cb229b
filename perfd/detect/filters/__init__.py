"""What may stand between a change and a ticket: one file per filter, cheap ones first."""
