"""Adapters of mail: the console and SMTP."""
