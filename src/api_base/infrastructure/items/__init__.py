"""Adapters of items: PostgreSQL."""
