"""Items: entries of a tenant's catalogue."""
