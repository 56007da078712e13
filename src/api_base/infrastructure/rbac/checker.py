"""Permissions by role: contexts declare which roles hold a permission, messages declare which permission they require.

A refusal names the missing permission and never reveals whether a resource exists, because the check runs before any read.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC
from api_base.core.errors import Forbidden, ProgrammingError, Unauthenticated
from api_base.core.protocols import PermissionChecker
from api_base.core.types import Principal

PLATFORM_ADMIN: Final = "platform_admin"
"""The role of platform administrators in declarations. It applies in every tenant and outside of tenants."""

_NONE: Final[frozenset[str]] = frozenset()


class RolePermissionChecker(PermissionChecker):
    """Implements `PermissionChecker`. `declared` maps each permission to the roles that hold it."""

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
        """The permissions of a member with `role` (None: no tenant). An unknown role has none."""
        if platform_admin:
            return self._platform if role is None else self._of_platform_admin.get(role, self._platform)
        return _NONE if role is None else self._of_role.get(role, _NONE)

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raise `Unauthenticated` without a principal, `Forbidden` if it lacks `permission`, `ProgrammingError` for an undeclared permission."""
        if permission == PUBLIC:
            return
        if principal is None:
            raise Unauthenticated("The operation requires authentication. Send an access token.")
        if permission == AUTHENTICATED or permission in principal.permissions:
            return
        if permission not in self._declared:
            raise ProgrammingError(f"No context declares the permission {permission!r}. Declare it in `Context.permissions`.")
        raise Forbidden(f"The operation requires the permission {permission!r}, which your role in this tenant does not have.")
