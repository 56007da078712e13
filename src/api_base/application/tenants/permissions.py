"""Permissions over a tenant."""

from typing import Final

READ: Final = "tenants:read"
UPDATE: Final = "tenants:update"
MANAGE_MEMBERS: Final = "tenants:manage_members"
