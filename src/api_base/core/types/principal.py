"""Who asks. A token says who, which session and which tenant; what they may do is looked up at each request."""

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
        """In whose name something is done that nothing is asked for any more."""
        return cls(user_id=user_id, session_id=None, tenant_id=tenant_id, role=None, platform_admin=False, permissions=frozenset())
