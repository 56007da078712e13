"""Adapters of files: PostgreSQL."""
