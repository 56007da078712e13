"""Time and identity of the real world."""
