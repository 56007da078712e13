"""Jobs in PostgreSQL, what carries them to workers, and messages between services."""
