"""Tenant isolation as the application sees it."""

from api_base.application.services.multitenancy.current import own_tenant

__all__ = ["own_tenant"]
