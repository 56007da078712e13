"""Leadership: of all processes that could do a piece of work, one does it."""
