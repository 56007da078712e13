"""What changes items: each command stands beside its handler."""
