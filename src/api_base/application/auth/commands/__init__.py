"""What changes sessions: each command stands beside its handler."""
