"""Errors as the outside sees them: problem details [RFC 9457]."""
