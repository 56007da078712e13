"""Exchange a refresh token for its successor and a new access token.

Serializable: if two requests send the same token concurrently, one rotates it and the other gets the same successor. A reused token is
refused by `Err`, so that the revocation of its family is committed.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from api_base.application.auth.dtos import SessionTokens, TokensDTO
from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Clock, Isolation
from api_base.core.types import Err, Ok, Result
from api_base.domain.auth.entities import Lifetime, Refresh, Session
from api_base.domain.auth.errors import RefreshRefused
from api_base.domain.auth.refresh_token import RefreshToken
from api_base.domain.auth.repository import Memberships, SessionRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSession(Command[Result[TokensDTO, RefreshRefused]]):
    permission = PUBLIC
    isolation = Isolation.SERIALIZABLE
    refresh_token: str = field(repr=False)


class RefreshSessionHandler:
    """`grace` is how long a used token still returns its successor."""

    def __init__(
        self,
        sessions: SessionRepository,
        memberships: Memberships,
        tokens: SessionTokens,
        clock: Clock,
        grace: timedelta,
        lifetime: Lifetime,
    ) -> None:
        self._sessions, self._memberships, self._tokens, self._clock = sessions, memberships, tokens, clock
        self._grace, self._lifetime = grace, lifetime

    async def handle(self, command: RefreshSession) -> Result[TokensDTO, RefreshRefused]:
        token = RefreshToken.parse(command.refresh_token)
        session = None if token is None else await self._sessions.of(token.user_id, token.session_id)
        if token is None or session is None:
            return Err(RefreshRefused())
        outcome, successor = session.refresh(token, self._clock.now(), self._grace, self._lifetime)
        if outcome is Refresh.ROTATED:
            await self._leave_ended_membership(session)
        if outcome in (Refresh.ROTATED, Refresh.REUSED):
            await self._sessions.update(session)
        if successor is None:
            return Err(RefreshRefused(session.user_id, reused=outcome is Refresh.REUSED))
        return Ok(self._tokens.of(session, successor))

    async def _leave_ended_membership(self, session: Session) -> None:
        """Switch the session to another tenant, or to none, if the membership has ended."""
        if session.tenant_id is not None and not await self._memberships.holds(session.user_id, session.tenant_id):
            session.switch(await self._memberships.first(session.user_id))
