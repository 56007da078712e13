"""Whoever changes the password or is deactivated loses the sessions, in the same transaction; the session at hand stays at a change."""

from dataclasses import dataclass
from uuid import UUID

from api_base.core.protocols import Clock
from api_base.core.types import UserId, current_context
from api_base.domain.auth.repository import SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialsEnded:
    """What this context wants of `users.password_changed.v1` and `users.deactivated.v1`."""

    aggregate_id: UUID


class EndSessions:
    def __init__(self, sessions: SessionRepository, clock: Clock) -> None:
        self._sessions, self._clock = sessions, clock

    async def handle(self, event: CredentialsEnded) -> None:
        principal = current_context.get().principal
        kept = None if principal is None or principal.user_id != event.aggregate_id else principal.session_id
        for session in await self._sessions.open_sessions(UserId(event.aggregate_id)):
            if session.id != kept:
                session.revoke(self._clock.now())
                await self._sessions.update(session)
