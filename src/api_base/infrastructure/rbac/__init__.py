"""Adapters of authorization: permissions by role."""
