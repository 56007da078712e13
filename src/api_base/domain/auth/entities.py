"""The session: a family of refresh tokens, of which only the newest is valid.

Each use of a token issues its successor [RFC 9700, section 4.14.2]. A client that lost the response may send the same token again within
the grace period and gets the same successor. A token that is older, or comes after the grace period, was stolen: the whole family is revoked.
"""

import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Self

from api_base.core.base import AggregateRoot
from api_base.core.types import SessionId, TenantId, UserId
from api_base.domain.auth.device import MAX_LENGTH
from api_base.domain.auth.refresh_token import RefreshToken, new_secret, successor_secret


class Refresh(Enum):
    """The outcome of presenting a refresh token."""

    ROTATED = "rotated"
    REPEATED = "repeated"
    REUSED = "reused"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """How long a session lives: `idle` without a refresh, `absolute` in any case."""

    idle: timedelta
    absolute: timedelta

    def end(self, created_at: datetime, now: datetime) -> datetime:
        """When a session that was created at `created_at` and is refreshed now ends."""
        return min(now + self.idle, created_at + self.absolute)


@dataclass(slots=True, kw_only=True, eq=False)
class Session(AggregateRoot):
    """`digest` hashes the current secret, `previous_digest` the previous one; `nonce` derived the current secret from the previous one.

    `user_agent` and `address` are those of the login. `scope` is that of the token of an MCP client, whose session has a `name` and cannot be
    refreshed; both are empty for a login.
    """

    user_id: UserId
    tenant_id: TenantId | None
    tag_key: bytes = field(repr=False)
    generation: int
    digest: bytes = field(repr=False)
    previous_digest: bytes | None = field(default=None, repr=False)
    nonce: bytes | None = field(default=None, repr=False)
    rotated_at: datetime | None = None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    user_agent: str = ""
    address: str = ""
    scope: str = ""
    name: str = ""

    @classmethod
    def for_client(
        cls, *, id: SessionId, user_id: UserId, tenant_id: TenantId, now: datetime, lifetime: timedelta, scope: str, name: str, address: str
    ) -> Self:
        """The session of a token for an MCP client. Nobody receives its refresh token."""
        session, _ = cls.begin(
            id=id,
            user_id=user_id,
            tenant_id=tenant_id,
            now=now,
            lifetime=Lifetime(idle=lifetime, absolute=lifetime),
            address=address,
        )
        session.scope, session.name = scope, name
        return session

    @classmethod
    def begin(
        cls,
        *,
        id: SessionId,
        user_id: UserId,
        tenant_id: TenantId | None,
        now: datetime,
        lifetime: Lifetime,
        user_agent: str = "",
        address: str = "",
    ) -> tuple[Self, RefreshToken]:
        secret, tag_key = new_secret(), new_secret()
        token = RefreshToken.issue(user_id=user_id, session_id=id, generation=1, secret=secret, tag_key=tag_key)
        session = cls(
            id=id,
            user_id=user_id,
            tenant_id=tenant_id,
            tag_key=tag_key,
            generation=1,
            digest=token.digest,
            created_at=now,
            expires_at=lifetime.end(now, now),
            user_agent=user_agent[:MAX_LENGTH],
            address=address,
        )
        return session, token

    def is_open(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at

    def refresh(self, token: RefreshToken, now: datetime, grace: timedelta, lifetime: Lifetime) -> tuple[Refresh, RefreshToken | None]:
        """Rotate to the successor of `token`. REUSED has revoked the session; REFUSED has changed nothing."""
        expires_at = lifetime.end(self.created_at, now)
        if not self.is_open(now) or now >= expires_at or not token.genuine(self.tag_key):
            return Refresh.REFUSED, None
        if hmac.compare_digest(token.digest, self.digest):
            self.nonce = new_secret()
            following = self._successor(token, self.nonce)
            self.previous_digest, self.digest, self.rotated_at = self.digest, following.digest, now
            self.generation, self.expires_at = following.generation, expires_at
            return Refresh.ROTATED, following
        if self._just_rotated(token, now, grace) and self.nonce is not None:
            return Refresh.REPEATED, self._successor(token, self.nonce)
        self.revoke(now)
        return Refresh.REUSED, None

    def switch(self, tenant_id: TenantId | None) -> None:
        """Issue access tokens for this tenant from now on. The refresh token stays the same, so a lost response does not end the session."""
        self.tenant_id = tenant_id

    def revoke(self, now: datetime) -> None:
        """End the session. Revoking it again changes nothing."""
        self.revoked_at = self.revoked_at or now

    def _just_rotated(self, token: RefreshToken, now: datetime, grace: timedelta) -> bool:
        if self.previous_digest is None or self.rotated_at is None:
            return False
        return hmac.compare_digest(token.digest, self.previous_digest) and now - self.rotated_at <= grace

    def _successor(self, token: RefreshToken, nonce: bytes) -> RefreshToken:
        return RefreshToken.issue(
            user_id=self.user_id,
            session_id=SessionId(self.id),
            generation=token.generation + 1,
            secret=successor_secret(token.secret, nonce),
            tag_key=self.tag_key,
        )
