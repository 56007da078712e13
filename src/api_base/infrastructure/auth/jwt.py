"""Access tokens: JSON Web Tokens [RFC 7519] that follow RFC 8725, with the type and claims of RFC 9068.

Accepts one algorithm (EdDSA over Ed25519), whatever the token names; one type (`at+jwt`), so that nothing else signed by these keys passes
as an access token; all claims are required; keys come from the configured list, by `kid`. Any fault raises `Unauthenticated`.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import jwt

from api_base.core.errors import Unauthenticated
from api_base.core.protocols import AccessToken, Clock, McpTokenIssuer, TokenClaims, TokenIssuer, TokenVerifier
from api_base.core.types import SessionId, TenantId, UserId
from api_base.infrastructure.auth.keys import SigningKey

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"
MAX_TOKEN_LENGTH: Final = 4096
"""Bytes. The issued tokens have about 500."""
LEEWAY: Final = 5
"""Seconds by which the issuer's clock may be ahead, for `iat` and `nbf`. `exp` has no leeway."""

_REQUIRED: Final = ("sub", "sid", "jti", "iat", "nbf", "exp", "iss", "aud")
_OPTIONS: Final[Any] = {
    "require": list(_REQUIRED),
    "strict_aud": True,
    "verify_exp": False,  # `_check_times` checks these three with the injected clock
    "verify_nbf": False,
    "verify_iat": False,
}


class Ed25519TokenIssuer(TokenIssuer, McpTokenIssuer):
    """The first of `keys` signs; tokens are valid for `seconds`."""

    def __init__(self, keys: Sequence[SigningKey], clock: Clock, *, issuer: str, audience: str, seconds: int) -> None:
        self._key, self._clock, self._seconds = keys[0], clock, seconds
        self._issuer, self._audience = issuer, audience
        self._headers = {"typ": TYPE, "kid": self._key.kid}
        self._key_set: Mapping[str, object] = {"keys": [key.public_jwk() for key in keys]}

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        """A token for a user in a session, for a tenant or for none."""
        return self._issue(user_id, session_id, tenant_id, int(self._clock.now().timestamp()) + self._seconds, {})

    @property
    def audience(self) -> str:
        """`aud` of the tokens."""
        return self._audience

    def issue_scoped(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId, scope: str, expires_at: datetime) -> AccessToken:
        """A token with the claim `scope` [RFC 9068, section 2.2.3]."""
        return self._issue(user_id, session_id, tenant_id, int(expires_at.timestamp()), {"scope": scope})

    def _issue(
        self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None, expires: int, more: Mapping[str, str]
    ) -> AccessToken:
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(user_id),
            "sid": str(session_id),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "nbf": now,
            "exp": expires,
            **more,
        }
        if tenant_id is not None:
            claims["tid"] = str(tenant_id)
        value = jwt.encode(claims, self._key.private, algorithm=ALGORITHM, headers=self._headers)
        return AccessToken(value=value, expires_at=datetime.fromtimestamp(expires, UTC))

    def key_set(self) -> Mapping[str, object]:
        """The public keys that verify the tokens, as a JSON Web Key Set [RFC 7517]."""
        return self._key_set


class Ed25519TokenVerifier(TokenVerifier):
    """Caches verified tokens by their SHA-256 and only checks the expiry again: 2 µs instead of 60. The cache holds at most `capacity` tokens,
    evicts the oldest first, and never holds invalid ones. `AccessSnapshot` decides about revocation.

    `scopes` are the values of the claim `scope` that a token may have; empty for a token without the claim.
    """

    def __init__(
        self,
        keys: Sequence[SigningKey],
        clock: Clock,
        *,
        issuer: str,
        audience: str,
        scopes: frozenset[str] = frozenset({""}),
        capacity: int = 10_000,
    ) -> None:
        self._keys = {key.kid: key.public for key in keys}
        self._clock, self._issuer, self._audience, self._capacity = clock, issuer, audience, capacity
        self._scopes = scopes
        self._known: OrderedDict[bytes, TokenClaims] = OrderedDict()

    def verify(self, token: bytes) -> TokenClaims:
        """The claims of a valid token. Raises `Unauthenticated` with the reason for any other."""
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("The access token is invalid: it is too long. Log in again.")
        digest = hashlib.sha256(token).digest()
        now = self._clock.now().timestamp()
        claims = self._known.get(digest)
        if claims is None:
            claims = self._verified(token, now)
            if len(self._known) >= self._capacity:
                self._known.popitem(last=False)
            self._known[digest] = claims
        elif claims.expires_at <= now:
            del self._known[digest]
            raise _expired()
        return claims

    def _verified(self, token: bytes, now: float) -> TokenClaims:
        try:
            key = self._key_of(jwt.get_unverified_header(token))
            payload = jwt.decode(token, key, algorithms=[ALGORITHM], audience=self._audience, issuer=self._issuer, options=_OPTIONS)
            _check_times(payload, now)
            if payload.get("scope", "") not in self._scopes:
                raise jwt.InvalidAudienceError
            return _claims(payload)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated(f"The access token is invalid: {_reason(error)}. Refresh it, or log in again.") from None

    def _key_of(self, header: Mapping[str, Any]) -> Any:
        if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
            raise ValueError
        key = self._keys.get(str(header.get("kid")))
        if key is None:
            raise jwt.InvalidKeyError
        return key


def _check_times(payload: Mapping[str, Any], now: float) -> None:
    issued, begins, expires = payload["iat"], payload["nbf"], payload["exp"]
    if not all(type(moment) is int for moment in (issued, begins, expires)):
        raise TypeError
    if expires <= now:
        raise _expired()
    if max(issued, begins) > now + LEEWAY:
        raise Unauthenticated("The access token is not valid yet. Check the clock of its issuer.")


def _claims(payload: Mapping[str, Any]) -> TokenClaims:
    tenant = payload.get("tid")
    return TokenClaims(
        user_id=UserId(UUID(payload["sub"])),
        session_id=SessionId(UUID(_text(payload["sid"]))),
        tenant_id=None if tenant is None else TenantId(UUID(_text(tenant))),
        expires_at=payload["exp"],
        scope=payload.get("scope", ""),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _expired() -> Unauthenticated:
    return Unauthenticated("The access token has expired. Refresh it, or log in again.")


def _reason(error: Exception) -> str:
    """The reason in our own words: a library's message may quote an attacker's input."""
    match error:
        case jwt.InvalidKeyError():
            return "its signing key is unknown or retired"
        case jwt.InvalidSignatureError():
            return "its signature is wrong"
        case jwt.MissingRequiredClaimError():
            return "a claim is missing"
        case jwt.InvalidAudienceError() | jwt.InvalidIssuerError():
            return "its issuer or audience is wrong"
        case _:
            return "it does not have the form of an access token"
