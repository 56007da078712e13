"""Commands that change items, each beside its handler."""
