"""Permissions by role: contexts declare which roles hold which permission, messages which permission they need.

Whoever is refused learns which permission is missing, never whether the thing asked for exists: this runs before any look-up.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC
from api_base.core.errors import Forbidden, ProgrammingError, Unauthenticated
from api_base.core.types import Principal

PLATFORM_ADMIN: Final = "platform_admin"
"""The role, in declarations, of those who administer the platform: theirs in every tenant and in none."""

_NONE: Final[frozenset[str]] = frozenset()


class RolePermissionChecker:
    """Implements `PermissionChecker`. `declared` maps each permission to the roles that hold it; turned around once, here."""

    def __init__(self, declared: Mapping[str, frozenset[str]]) -> None:
        of_role: dict[str, set[str]] = defaultdict(set)
        for permission, roles in declared.items():
            for role in roles:
                of_role[role].add(permission)
        platform = frozenset(of_role.pop(PLATFORM_ADMIN, ()))
        self._declared = frozenset(declared)
        self._of_role = {role: frozenset(permissions) for role, permissions in of_role.items()}
        self._of_platform_admin = {role: permissions | platform for role, permissions in self._of_role.items()}
        self._platform = platform

    def permissions_of(self, role: str | None, platform_admin: bool) -> frozenset[str]:
        """What a member of role `role` may do (None: a member of no tenant); an unknown role may do nothing."""
        if platform_admin:
            return self._platform if role is None else self._of_platform_admin.get(role, self._platform)
        return _NONE if role is None else self._of_role.get(role, _NONE)

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raises `Unauthenticated` for nobody, `Forbidden` for who lacks `permission`, `ProgrammingError` for one that nobody declared."""
        if permission == PUBLIC:
            return
        if principal is None:
            raise Unauthenticated("This needs a signed-in user: send an access token.")
        if permission == AUTHENTICATED or permission in principal.permissions:
            return
        if permission not in self._declared:
            raise ProgrammingError(f"No context declares the permission {permission!r}: nobody can hold it.")
        raise Forbidden(f"This needs the permission {permission!r}, which your role does not have here.")
