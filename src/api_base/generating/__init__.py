"""Writes code for a project on API Base: a new repository, and what is added to one. Everything that it writes uses public names only."""
