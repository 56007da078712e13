"""Commands that change sessions, each beside its handler."""
