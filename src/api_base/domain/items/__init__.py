"""Items: the entries of a tenant's catalogue."""
