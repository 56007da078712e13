"""Access tokens: who, which session, which tenant; never what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from api_base.core.types.ids import SessionId, TenantId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """`sub`, `sid` and `tid` of a verified token; `expires_at` in seconds since the epoch."""

    user_id: UserId
    session_id: SessionId
    tenant_id: TenantId | None
    expires_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A signed token in compact form [RFC 7519]; `expires_at` in UTC."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenIssuer(Protocol):
    """Signs access tokens, and publishes the keys to verify them with."""

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        """A token for a user's session, which acts for `tenant_id`; None is for no tenant."""
        ...

    def key_set(self) -> Mapping[str, object]:
        """The public keys as a JSON Web Key Set [RFC 7517]."""
        ...


class TokenVerifier(Protocol):
    """Checks signature, issuer, audience and lifetime; not whether the session still stands, which is `AccessLookup`'s."""

    def verify(self, token: bytes) -> TokenClaims:
        """The claims of a good token [RFC 8725]; raises `Unauthenticated` for any other."""
        ...
