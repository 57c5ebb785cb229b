"""How perfd's ports speak TLS."""
