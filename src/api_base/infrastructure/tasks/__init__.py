"""Jobs in PostgreSQL, and what carries them to workers."""
