"""Adapters of tenants and memberships: PostgreSQL."""
