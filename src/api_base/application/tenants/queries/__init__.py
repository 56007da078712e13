"""Queries of tenants. Their handlers are adapters: infrastructure/tenants/queries.py."""
