"""Users: one global identity each, whatever tenants it belongs to."""
