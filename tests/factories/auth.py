"""Sessions, principals and requests that are valid by default."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from api_base.core.types import Origin, Principal, RequestContext, SessionId, TenantId, UserId, current_context
from api_base.domain.auth.entities import Lifetime, Session
from api_base.domain.auth.refresh_token import RefreshToken

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LIFETIME = Lifetime(idle=timedelta(days=30), absolute=timedelta(days=90))
GRACE = timedelta(seconds=30)


def session(*, user_id: UUID | None = None, tenant_id: UUID | None = None, now: datetime = NOW) -> tuple[Session, RefreshToken]:
    return Session.begin(
        id=SessionId(uuid4()),
        user_id=UserId(user_id or uuid4()),
        tenant_id=None if tenant_id is None else TenantId(tenant_id),
        now=now,
        lifetime=LIFETIME,
    )


def principal(**changes: Any) -> Principal:
    values: dict[str, Any] = {
        "user_id": UserId(uuid4()),
        "session_id": SessionId(uuid4()),
        "tenant_id": TenantId(uuid4()),
        "role": "member",
        "platform_admin": False,
        "permissions": frozenset(),
    }
    return Principal(**(values | changes))


def request_of(who: Principal | None, origin: Origin | None = None) -> RequestContext:
    """Make what follows in this task a request of `who`, as part of `origin`."""
    context = RequestContext(request_id="test", principal=who, origin=origin)
    current_context.set(context)
    return context
