"""Adapters of clock and id generator."""
