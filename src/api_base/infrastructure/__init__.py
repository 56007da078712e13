"""Adapters: each speaks one technology's language."""
