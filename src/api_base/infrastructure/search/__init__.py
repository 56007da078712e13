"""Search in PostgreSQL."""
