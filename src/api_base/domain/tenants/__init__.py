"""Tenants own the data; memberships say which users act for a tenant, and in which role."""
