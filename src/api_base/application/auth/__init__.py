"""Use cases of sessions: log in, refresh, switch tenant, log out."""
