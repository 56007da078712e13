"""Business rules in plain Python."""
