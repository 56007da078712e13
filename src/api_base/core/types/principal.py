"""The authenticated caller. A token names user, session and tenant; each request looks the permissions up."""

from dataclasses import dataclass
from typing import Self

from api_base.core.types.ids import SessionId, TenantId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """An authenticated user acting in one tenant, or in none.

    `permissions` are those of the user's role in `tenant_id`, as of this request;
    platform administrators additionally hold those declared for the platform.
    """

    user_id: UserId
    session_id: SessionId | None
    tenant_id: TenantId | None
    role: str | None
    platform_admin: bool
    permissions: frozenset[str]

    @classmethod
    def without_permissions(cls, user_id: UserId, tenant_id: TenantId | None) -> Self:
        """A principal for work whose permission was checked earlier."""
        return cls(user_id=user_id, session_id=None, tenant_id=tenant_id, role=None, platform_admin=False, permissions=frozenset())
