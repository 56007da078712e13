"""Use cases of tenants and memberships."""
