"""Commands that change tenants and memberships, each beside its handler."""
