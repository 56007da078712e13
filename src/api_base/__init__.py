"""API Base: the base a team installs to start an HTTP backend."""

__version__ = "0.1.0"
