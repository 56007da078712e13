"""Permissions over a tenant."""

from typing import Final

READ: Final = "tenants:read"
UPDATE: Final = "tenants:update"
CHANGE_PLAN: Final = "tenants:change_plan"
MANAGE_MEMBERS: Final = "tenants:manage_members"
