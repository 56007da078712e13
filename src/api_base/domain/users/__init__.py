"""Users: one global identity each, independent of tenants."""
