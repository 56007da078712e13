"""Whoever changes the password loses all other sessions, whoever is deactivated all of them; in the same transaction."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.protocols import Clock
from api_base.core.types import SessionId, UserId, current_context
from api_base.domain.auth.repository import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsEnded:
    """What this context wants of `users.password_changed.v1` and `users.deactivated.v1`."""

    aggregate_id: UUID


class EndSessions:
    def __init__(self, sessions: SessionRepository, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def others(self, event: CredentialsEnded) -> None:
        """The session at hand, if it is the user's own, goes on."""
        principal = current_context.get().principal
        kept = principal.session_id if principal is not None and principal.user_id == event.aggregate_id else None
        await self._end(event, kept)

    async def all(self, event: CredentialsEnded) -> None:
        await self._end(event, None)

    async def _end(self, event: CredentialsEnded, kept: SessionId | None) -> None:
        for session in await self._sessions.open_sessions(UserId(event.aggregate_id)):
            if session.id != kept:
                session.revoke(self._clock.now())
                await self._sessions.update(session)
