"""Roles, as contexts use them in their permissions."""

from typing import Final

PLATFORM_ADMIN: Final = "platform_admin"
"""The role of platform administrators. It belongs to no tenant: they hold it in every tenant and without one."""

OWNERS: Final = frozenset({"owner"})
ADMINS: Final = OWNERS | {"admin"}
MEMBERS: Final = ADMINS | {"member"}
VIEWERS: Final = MEMBERS | {"viewer"}
