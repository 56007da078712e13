"""Versions of the API: who still calls what a version replaced."""
