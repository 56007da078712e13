"""Sessions in PostgreSQL, tokens, passwords, and what a token's bearer may do now."""
