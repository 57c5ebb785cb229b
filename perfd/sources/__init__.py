"""Doors in: receivers, decoders and samplers."""
