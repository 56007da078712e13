"""Tenant isolation in the application layer."""

from api_base.application.services.multitenancy.current import own_tenant

__all__ = ["own_tenant"]
