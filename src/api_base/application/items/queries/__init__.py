"""Queries of items. Their handlers are adapters: infrastructure/items/queries.py."""
