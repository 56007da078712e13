"""Adapters of authentication: sessions in PostgreSQL, tokens, passwords, and the access snapshot."""
