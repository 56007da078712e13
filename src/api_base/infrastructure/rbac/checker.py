"""Role-based access control: contexts declare which roles hold which permission; what nobody declared, nobody holds."""

from collections.abc import Mapping
from typing import Final

from api_base.application.common.cqrs import AUTHENTICATED
from api_base.core.errors import Forbidden, Unauthenticated
from api_base.core.types import Principal

PLATFORM_ADMIN: Final = "platform_admin"


class RolePermissionChecker:
    """Implements `PermissionChecker`. `declared` maps permissions to roles; `platform_admin` is the platform's own role."""

    def __init__(self, declared: Mapping[str, frozenset[str]]) -> None:
        roles = {role for holders in declared.values() for role in holders}
        self._of_role = {role: frozenset(p for p, holders in declared.items() if role in holders) for role in roles}
        self._nothing: frozenset[str] = frozenset()
        self._admin = self._of_role.get(PLATFORM_ADMIN, self._nothing)

    def permissions_of(self, role: str | None, platform_admin: bool) -> frozenset[str]:
        """What a member of this role holds, and an administrator of the platform on top."""
        own = self._of_role.get(role, self._nothing) if role is not None and role != PLATFORM_ADMIN else self._nothing
        return own | self._admin if platform_admin else own

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raises `Unauthenticated` for nobody, `Forbidden` for somebody without `permission`."""
        if principal is None:
            raise Unauthenticated("This needs a signed-in user: send an access token.")
        if permission != AUTHENTICATED and permission not in principal.permissions:
            where = "in this tenant" if principal.tenant_id is not None else "without a tenant"
            raise Forbidden(f"This needs the permission {permission}, which you do not hold {where}.")
