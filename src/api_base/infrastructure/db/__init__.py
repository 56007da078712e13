"""PostgreSQL: the pool, statements that set their owner, the unit of work, the generic repository."""
