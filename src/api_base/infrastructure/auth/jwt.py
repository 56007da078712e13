"""Access tokens: JSON Web Tokens of type at+jwt [RFC 9068], signed with EdDSA, checked as RFC 8725 asks.

The algorithm is ours to choose, never the token's. The first key signs and all verify, so that a new key put in front logs
nobody out. A token that was verified once is known by its SHA-256; its times are checked at each use.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt

from api_base.core.errors import Unauthenticated
from api_base.core.protocols import AccessToken, Clock, TokenClaims
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.keys import SigningKey

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
LONGEST: Final = 4096
KEPT: Final = 10_000
LEEWAY: Final = 5.0
"""Seconds that clocks of two servers may differ."""


class Ed25519TokenIssuer:
    """Implements `TokenIssuer`. `seconds` is the lifetime of a token."""

    def __init__(self, keys: Sequence[SigningKey], clock: Clock, *, issuer: str, audience: str, seconds: int) -> None:
        self._keys, self._clock = keys, clock
        self._issuer, self._audience, self._lifetime = issuer, audience, timedelta(seconds=seconds)

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        now = self._clock.now()
        expires_at = now + self._lifetime
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        if tenant_id is not None:
            claims["tid"] = str(tenant_id)
        key = self._keys[0]
        value = jwt.encode(claims, key.private, ALGORITHM, headers={"typ": TYPE, "kid": key.id})
        return AccessToken(value=value, expires_at=datetime.fromtimestamp(claims["exp"], UTC))

    def key_set(self) -> Mapping[str, object]:
        return {"keys": [key.jwk() for key in self._keys]}


class Ed25519TokenVerifier:
    """Implements `TokenVerifier`."""

    def __init__(self, keys: Sequence[SigningKey], clock: Clock, *, issuer: str, audience: str) -> None:
        self._keys = {key.id: key.private.public_key() for key in keys}
        self._clock, self._issuer, self._audience = clock, issuer, audience
        self._verified: dict[bytes, TokenClaims] = {}

    def verify(self, token: bytes) -> TokenClaims:
        digest = hashlib.sha256(token).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._decode(token)
            if len(self._verified) >= KEPT:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = claims
        if claims.expires_at <= self._clock.now().timestamp():
            raise Unauthenticated("The access token has expired. Refresh it.")
        return claims

    def _decode(self, token: bytes) -> TokenClaims:
        if len(token) > LONGEST:
            raise Unauthenticated("The access token is too long to be one of ours.")
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(header.get("kid", ""))
            if key is None or header.get("typ") != TYPE:
                raise Unauthenticated("The access token was not issued here.")
            options: Any = {"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "sid"], "verify_exp": False, "verify_nbf": False, "verify_iat": False}
            content = jwt.decode(token, key, algorithms=[ALGORITHM], audience=self._audience, issuer=self._issuer, options=options)
            if content["nbf"] > self._clock.now().timestamp() + LEEWAY:
                raise Unauthenticated("The access token is not valid yet.")
            return _claims(content)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
            raise Unauthenticated("The access token is not valid.") from None


def _claims(content: Mapping[str, Any]) -> TokenClaims:
    tenant = content.get("tid")
    return TokenClaims(
        user_id=UserId(UUID(content["sub"])),
        session_id=SessionId(UUID(content["sid"])),
        tenant_id=None if tenant is None else TenantId(UUID(tenant)),
        expires_at=int(content["exp"]),
    )
