"""What an agent tells its centre: bodies, and how far it has got. No disk and no network."""
