"""Logging and tracing, for every floor."""
