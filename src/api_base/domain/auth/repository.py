"""Where sessions are kept, and what logging in needs to know of users and memberships."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.core.types import SessionId, TenantId, UserId
from api_base.domain.auth.device import Device
from api_base.domain.auth.entities import Session


class SessionRepository(AsyncRepository[Session, SessionId], Protocol):
    """Sessions of the user of the request in hand; `of` names another one, before anybody is signed in."""

    async def of(self, user_id: UserId, session_id: SessionId) -> Session | None: ...

    async def open_sessions(self, user_id: UserId) -> list[Session]: ...


class DeviceRepository(AsyncRepository[Device, UUID], Protocol):
    """Of the named user, who is not signed in yet."""

    async def of(self, user_id: UserId, id: UUID) -> Device | None: ...

    async def all_of(self, user_id: UserId) -> list[Device]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`open` is whether the user may log in at all just now. `settled` is false while failures are counted."""

    user_id: UserId
    password_hash: str = field(repr=False)
    open: bool
    settled: bool


class Credentials(Protocol):
    """The users' side of logging in."""

    async def find(self, email: str) -> Credential | None: ...

    async def failed(self, user_id: UserId) -> None:
        """A wrong password was tried."""
        ...

    async def succeeded(self, user_id: UserId, new_hash: str | None) -> None:
        """The right one was. `new_hash` replaces the stored one where given."""
        ...


class Memberships(Protocol):
    """The tenants' side of logging in."""

    async def first(self, user_id: UserId) -> TenantId | None:
        """The tenant that a login without a wish is for: the oldest membership."""
        ...

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool: ...
