"""Start a session for an authenticated user. Internal: the login sends it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from api_base.application.auth.dtos import TokensDTO
from api_base.application.auth.known_devices import KnownDevices
from api_base.application.auth.tokens import SessionTokens
from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Clock, IdGenerator
from api_base.core.types import SessionId, TenantId, UserId
from api_base.domain.auth.entities import Session
from api_base.domain.auth.repository import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class StartSession(Command[TokensDTO]):
    permission: ClassVar[str] = PUBLIC
    user_id: UserId
    tenant_id: TenantId | None
    user_agent: str = ""


class StartSessionHandler:
    """`lifetime` is how long a session lives without a refresh."""

    def __init__(
        self,
        sessions: SessionRepository,
        devices: KnownDevices,
        tokens: SessionTokens,
        ids: IdGenerator,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._sessions, self._devices, self._tokens = sessions, devices, tokens
        self._ids, self._clock, self._lifetime = ids, clock, lifetime

    async def handle(self, command: StartSession) -> TokensDTO:
        session, refresh = Session.begin(
            id=SessionId(self._ids.new()),
            user_id=command.user_id,
            tenant_id=command.tenant_id,
            now=self._clock.now(),
            lifetime=self._lifetime,
        )
        await self._sessions.create(session)
        await self._devices.note(command.user_id, command.user_agent)
        return self._tokens.of(session, refresh)
