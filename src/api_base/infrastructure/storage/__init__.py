"""Stored objects, and the inspection of what clients send."""
