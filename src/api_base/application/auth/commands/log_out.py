"""Log out: revoke the current session, another one, or all sessions of the user."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import SessionId, current_context, request_user
from api_base.domain.auth.repository import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut(Command[None]):
    """`everywhere` revokes every session of the user, the current one included."""

    permission: ClassVar[str] = AUTHENTICATED
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    everywhere: bool = False


class LogOutHandler:
    def __init__(self, sessions: SessionRepository, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def handle(self, command: LogOut) -> None:
        principal = current_context.get().principal
        for session in await self._sessions.open_sessions(request_user()):
            if command.everywhere or (principal is not None and session.id == principal.session_id):
                session.revoke(self._clock.now())
                await self._sessions.update(session)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession(Command[None]):
    """End one session of the user, the current one or another."""

    permission: ClassVar[str] = AUTHENTICATED
    isolation: ClassVar[Isolation] = Isolation.SERIALIZABLE
    id: UUID


class EndSessionHandler:
    def __init__(self, sessions: SessionRepository, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def handle(self, command: EndSession) -> None:
        """Revoke the session. Raises `NotFound` unless it is an open session of the user."""
        session = await self._sessions.get(SessionId(command.id))
        if session is None or not session.is_open(self._clock.now()):
            raise NotFound("session", command.id)
        session.revoke(self._clock.now())
        await self._sessions.update(session)
