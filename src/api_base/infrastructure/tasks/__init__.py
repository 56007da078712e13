"""Jobs in PostgreSQL, and their transport to workers."""
