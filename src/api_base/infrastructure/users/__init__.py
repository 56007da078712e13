"""Adapters of users: PostgreSQL."""
