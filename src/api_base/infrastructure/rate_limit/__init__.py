"""Adapters of rate limits."""
