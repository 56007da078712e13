"""Queries of jobs. Their handlers are adapters: infrastructure/tasks/queries.py."""
