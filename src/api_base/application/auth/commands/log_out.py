"""End sessions: the current one or all of them when the user logs out, one that the user names, the others when the password changes, all on deactivation."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import NotFound
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import SessionId, UserId, current_context, request_user
from api_base.domain.auth.repository import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class LogOut(Command[None]):
    """`everywhere` revokes every session of the user, the current one included."""

    permission = AUTHENTICATED
    isolation = Isolation.SERIALIZABLE
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

    permission = AUTHENTICATED
    isolation = Isolation.SERIALIZABLE
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsEnded:
    """The fields that auth uses of `users.password_changed.v1` and `users.deactivated.v1`."""

    aggregate_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipEnded:
    """The fields that auth uses of `tenants.membership_ended.v1`."""

    tenant_id: UUID
    user_id: UUID


class EndSessions:
    """Subscribes to what ends the sessions of a user, in the same transaction."""

    def __init__(self, sessions: SessionRepository, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def others(self, event: CredentialsEnded) -> None:
        """Revoke all sessions except the current one, if it belongs to the user."""
        principal = current_context.get().principal
        kept = principal.session_id if principal is not None and principal.user_id == event.aggregate_id else None
        await self._end(event, kept)

    async def all(self, event: CredentialsEnded) -> None:
        await self._end(event, None)

    async def of_former_member(self, event: MembershipEnded) -> None:
        """Revoke the sessions of MCP clients in the tenant: a member who returns must not find their tokens valid again."""
        for session in await self._sessions.open_sessions(UserId(event.user_id)):
            if session.scope and session.tenant_id == event.tenant_id:
                session.revoke(self._clock.now())
                await self._sessions.update(session)

    async def _end(self, event: CredentialsEnded, kept: SessionId | None) -> None:
        for session in await self._sessions.open_sessions(UserId(event.aggregate_id)):
            if session.id != kept:
                session.revoke(self._clock.now())
                await self._sessions.update(session)
