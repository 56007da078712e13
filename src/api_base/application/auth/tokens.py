"""Builds the token response of a session."""

from api_base.application.auth.dtos import TokensDTO
from api_base.core.protocols import Clock, TokenIssuer
from api_base.core.types import SessionId
from api_base.domain.auth.entities import Session
from api_base.domain.auth.refresh_token import RefreshToken


class SessionTokens:
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
