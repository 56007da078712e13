"""Adapters of feature flags: PostgreSQL."""
