"""Queries of the audit trail. Their handlers are adapters: infrastructure/audit/queries.py."""
