"""Commands that change feature flags, each beside its handler."""
