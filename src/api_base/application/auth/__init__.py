"""Use cases of logging in and out."""
