"""The DTO of sessions, and how it is built."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from api_base.core.protocols import Clock, TokenIssuer
from api_base.core.types import SessionId
from api_base.domain.auth.entities import Session
from api_base.domain.auth.refresh_token import RefreshToken


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDTO:
    """`user_agent` and `address` are those of the login. `last_used_at` is the time of the login or the last refresh. `current` is the session
    of the request. `scope` and `name` are those of a token for an MCP client; empty for a login.
    """

    id: UUID
    user_agent: str
    address: str
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    scope: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTokenDTO:
    """A token for an MCP client at `resource`. The server shows it once. Ending the session `session_id` revokes it."""

    access_token: str = field(repr=False)
    token_type: str
    expires_at: datetime
    scope: str
    name: str
    resource: str
    session_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensDTO:
    """A token response [RFC 6749, section 5.1]. `expires_in` is in seconds. `refresh_token` is null if the current one stays valid."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int
    refresh_token: str | None = field(repr=False)
    tenant_id: UUID | None


class SessionTokens:
    """Builds the token response of a session."""

    def __init__(self, issuer: TokenIssuer, clock: Clock) -> None:
        self._issuer, self._clock = issuer, clock

    def of(self, session: Session, refresh: RefreshToken | None) -> TokensDTO:
        access = self._issuer.issue(session.user_id, SessionId(session.id), session.tenant_id)
        seconds = int((access.expires_at - self._clock.now()).total_seconds())
        return TokensDTO(
            access_token=access.value,
            token_type="Bearer",  # noqa: S106 -- the type's name, no secret
            expires_in=seconds,
            refresh_token=None if refresh is None else refresh.text(),
            tenant_id=session.tenant_id,
        )
