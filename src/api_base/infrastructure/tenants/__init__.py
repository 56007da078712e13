"""Tenants and memberships in PostgreSQL."""
