"""Errors as HTTP responses: problem details [RFC 9457]."""
