"""Roles as contexts name them in their permissions."""

from typing import Final

PLATFORM_ADMIN: Final = "platform_admin"
"""Not a tenant's role: who administers the platform holds it in every tenant and in none."""

OWNERS: Final = frozenset({"owner"})
ADMINS: Final = OWNERS | {"admin"}
MEMBERS: Final = ADMINS | {"member"}
VIEWERS: Final = MEMBERS | {"viewer"}
