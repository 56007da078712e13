"""Queries of users. Their handlers are adapters: infrastructure/users/queries.py."""
