"""Tenants: whose the data is; memberships say who acts for them, in which role."""
