"""Repositories of sessions and devices, and the ports through which auth reads users and memberships."""

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from api_base.core.protocols import AsyncRepository
from api_base.core.types import SessionId, TenantId, UserId
from api_base.domain.auth.device import Device
from api_base.domain.auth.entities import Session


class SessionRepository(AsyncRepository[Session, SessionId], Protocol):
    """Sessions of the current request's user. `of` reads those of a named user, for requests that are not authenticated yet."""

    async def of(self, user_id: UserId, session_id: SessionId) -> Session | None: ...

    async def open_sessions(self, user_id: UserId) -> list[Session]: ...


class DeviceRepository(AsyncRepository[Device, UUID], Protocol):
    """Devices of a named user, who is not authenticated yet."""

    async def of(self, user_id: UserId, id: UUID) -> Device | None: ...

    async def all_of(self, user_id: UserId) -> list[Device]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`open` says whether the account may log in."""

    user_id: UserId
    password_hash: str = field(repr=False)
    open: bool


class Credentials(Protocol):
    """Reads and updates what users knows about logins."""

    async def find(self, email: str) -> Credential | None: ...

    async def renew(self, credential: Credential, new_hash: str) -> None:
        """Store a hash of the same password with the current hashing parameters."""
        ...


class Memberships(Protocol):
    """Reads the memberships of a user."""

    async def first(self, user_id: UserId) -> TenantId | None:
        """The tenant of the oldest membership: the default for a new login."""
        ...

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool: ...
