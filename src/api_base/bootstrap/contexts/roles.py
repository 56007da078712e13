"""Roles, as contexts use them in their permissions."""

from typing import Final

PLATFORM_ADMIN: Final = "platform_admin"
"""The role of platform administrators. It belongs to no tenant: they hold it in every tenant and without one."""

OWNERS: Final = frozenset({"owner"})
"""The owners of a tenant."""
ADMINS: Final = OWNERS | {"admin"}
"""The administrators of a tenant and its owners."""
MEMBERS: Final = ADMINS | {"member"}
"""Everybody in a tenant who may write, administrators and owners included."""
VIEWERS: Final = MEMBERS | {"viewer"}
"""Everybody in a tenant."""
