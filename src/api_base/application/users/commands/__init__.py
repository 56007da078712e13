"""Commands that change users, each beside its handler."""
