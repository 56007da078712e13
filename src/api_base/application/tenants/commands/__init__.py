"""What changes tenants: each command stands beside its handler."""
