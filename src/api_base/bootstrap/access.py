"""The query for a principal's permissions. It joins tables of three contexts that do not import each other."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.auth.tables import SESSIONS
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.statement import OWNER, Statement
from api_base.infrastructure.tenants.tables import MEMBERSHIPS, TENANTS
from api_base.infrastructure.users.tables import IS_PLATFORM_ADMIN, USERS

_SESSION = sa.select(SESSIONS.c.expires_at).where(
    SESSIONS.c.user_id == OWNER, SESSIONS.c.id == sa.bindparam("session", type_=sa.Uuid), SESSIONS.c.revoked_at.is_(None)
)
_MEMBERSHIP = (MEMBERSHIPS.c.user_id == OWNER, MEMBERSHIPS.c.tenant_id == sa.bindparam("tenant", type_=sa.Uuid))
_ROLE = sa.select(MEMBERSHIPS.c.role).where(*_MEMBERSHIP)
_PLAN = sa.select(TENANTS.c.plan).join(MEMBERSHIPS, MEMBERSHIPS.c.tenant_id == TENANTS.c.id).where(*_MEMBERSHIP)

ACCESS: Final = Statement(
    sa.select(
        USERS.c.status,
        IS_PLATFORM_ADMIN,
        _SESSION.scalar_subquery().label("session_expires_at"),
        _ROLE.scalar_subquery().label("role"),
        _PLAN.scalar_subquery().label("plan"),
    ).where(USERS.c.id == OWNER),
    Ownership.USER,
)
"""The statement that `AccessSnapshot` executes."""
