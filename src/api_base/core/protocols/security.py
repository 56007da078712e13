"""Who the caller is and what the caller may do: access tokens, permissions, passwords, tokens in links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from api_base.core.types import Principal, SessionId, TenantId, UserId


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
    """Signs access tokens, and publishes the keys that verify them. A token names user, session and tenant, never permissions."""

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        """A token for a user's session, which acts for `tenant_id`, or for no tenant."""
        ...

    def key_set(self) -> Mapping[str, object]:
        """The public keys as a JSON Web Key Set [RFC 7517]."""
        ...


class TokenVerifier(Protocol):
    """Checks signature, issuer, audience and lifetime. `AccessLookup` checks whether the session is still valid."""

    def verify(self, token: bytes) -> TokenClaims:
        """The claims of a valid token [RFC 8725]; raises `Unauthenticated` for any other."""
        ...


class AccessLookup(Protocol):
    """Makes a principal of a verified token. It looks the permissions up for each request, so that a revocation takes effect immediately."""

    async def principal(self, claims: TokenClaims) -> Principal:
        """The present principal of a verified token; raises `Unauthenticated` when the user, the session or the membership has ended."""
        ...


class PrincipalResolver(Protocol):
    """Finds the principal of work that runs later, without a token."""

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        """The user with its present permissions. Raises `Unauthenticated` when the user or the membership has ended."""
        ...


class PermissionChecker(Protocol):
    """Decides by what the principal's role allows in the tenant of its token."""

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raises `Unauthenticated` or `Forbidden` unless `principal` holds `permission`."""
        ...


class PasswordHasher(Protocol):
    """Hashing is deliberately slow: an implementation runs it off the event loop, and limits its concurrency."""

    async def hash(self, password: str) -> str:
        """A salted hash of `password`, to be stored."""
        ...

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether `password` belongs to `hashed`, and a new hash where the parameters have been raised since.

        `None` (no such user) takes as long as a real verification and is never true.
        """
        ...


class BreachedPasswords(Protocol):
    """A list of passwords that were published in a breach [NIST SP 800-63B, section 5.1.1.2]."""

    async def contains(self, password: str) -> bool:
        """Whether `password` is on the list."""
        ...


class PasswordPolicy(Protocol):
    """Decides which passwords are strong enough to be set."""

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Raises `Invalid` at `pointer` for a weak password; `known` is what others know about its user."""
        ...


class LinkTokens(Protocol):
    """Tokens in the links of e-mails. A token is computed from the ids of a row and the server's key: the row does not hold it, and an
    e-mail that is sent twice has the same one."""

    def seal(self, purpose: str, *ids: UUID) -> str:
        """The token that names `ids`, valid for `purpose` alone; fit for a URL."""
        ...

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        """The ids that a genuine token for `purpose` names; None for any other text."""
        ...
