"""Issue a token for an MCP client. Its session ends with the membership, the account and the password, and by its owner's wish, as a login does."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from api_base.application.auth.dtos import McpTokenDTO
from api_base.application.common.cqrs import AUTHENTICATED, Command
from api_base.core.errors import Conflict, Invalid
from api_base.core.protocols import Clock, IdGenerator, Isolation, McpTokenIssuer
from api_base.core.types import SessionId, current_context, request_tenant, request_user
from api_base.domain.auth.entities import Session
from api_base.domain.auth.repository import SessionRepository
from api_base.domain.common.text import TextRule

MIN_SECONDS: Final = 300
NAME: Final = TextRule(max_length=100)


class McpScope(StrEnum):
    """READ may call the tools that change nothing, WRITE all tools that the user may."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueMcpToken(Command[McpTokenDTO]):
    """The token acts in the tenant of the request. `lifetime` is in seconds."""

    permission = AUTHENTICATED
    isolation = Isolation.SERIALIZABLE
    name: str
    scope: McpScope
    lifetime: int


class TooManyMcpTokens(Conflict):
    """The user has as many tokens as allowed."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"You have {limit} tokens for MCP clients, which is the limit. End one of them first (DELETE /api/v1/auth/sessions/{{id}})."
        )


class IssueMcpTokenHandler:
    """`max_lifetime` and `limit` bound the lifetime of a token and the tokens of a user."""

    def __init__(
        self, sessions: SessionRepository, issuer: McpTokenIssuer, ids: IdGenerator, clock: Clock, max_lifetime: timedelta, limit: int
    ) -> None:
        self._sessions, self._issuer, self._ids, self._clock = sessions, issuer, ids, clock
        self._max_lifetime, self._limit = max_lifetime, limit

    async def handle(self, command: IssueMcpToken) -> McpTokenDTO:
        """Raises `Invalid` for a name or lifetime that is not allowed, `TooManyMcpTokens`, and `Forbidden` without a tenant."""
        most = int(self._max_lifetime.total_seconds())
        if not MIN_SECONDS <= command.lifetime <= most:
            raise Invalid.of("/expires_in", "range", f"must be from {MIN_SECONDS} to {most} seconds")
        tenant, user = request_tenant(), request_user()
        if sum(1 for session in await self._sessions.open_sessions(user) if session.scope) >= self._limit:
            raise TooManyMcpTokens(self._limit)
        session = Session.for_client(
            id=SessionId(self._ids.new()),
            user_id=user,
            tenant_id=tenant,
            now=self._clock.now(),
            lifetime=timedelta(seconds=command.lifetime),
            scope=command.scope.value,
            name=NAME.parse(command.name, "/name"),
            address=current_context.get().address,
        )
        await self._sessions.create(session)
        token = self._issuer.issue_scoped(user, SessionId(session.id), tenant, session.scope, session.expires_at)
        return McpTokenDTO(
            access_token=token.value,
            token_type="Bearer",  # noqa: S106 -- the type's name, no secret
            expires_at=token.expires_at,
            scope=session.scope,
            name=session.name,
            resource=self._issuer.audience,
            session_id=session.id,
        )
