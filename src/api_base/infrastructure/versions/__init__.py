"""Calls of deprecated routes in PostgreSQL."""
