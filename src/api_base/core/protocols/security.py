"""Authentication and authorization: access tokens, permissions, passwords, tokens in links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from api_base.core.types import Principal, SessionId, TenantId, UserId


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """`sub`, `sid` and `tid` of a verified token; `expires_at` in seconds since the epoch.

    `scope` is `read` or `write` for a token of an MCP client, and empty for a token of the API.
    """

    user_id: UserId
    session_id: SessionId
    tenant_id: TenantId | None
    expires_at: int
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A signed token in compact form [RFC 7519]; `expires_at` in UTC."""

    value: str = field(repr=False)
    expires_at: datetime


class TokenIssuer(Protocol):
    """Signs access tokens, and publishes the keys that verify them. A token names user, session and tenant, never permissions."""

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        """Return a token for a user's session, which acts for `tenant_id`, or for no tenant."""

    def key_set(self) -> Mapping[str, object]:
        """Return the public keys as a JSON Web Key Set [RFC 7517]."""


class McpTokenIssuer(Protocol):
    """Signs tokens for MCP clients. Their audience is the MCP server, so that the API refuses them."""

    @property
    def audience(self) -> str:
        """The URL of the MCP server [RFC 8707]."""

    def issue_scoped(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId, scope: str, expires_at: datetime) -> AccessToken:
        """Return a token of `scope` (`read` or `write`) that is valid until `expires_at`, in UTC."""


class TokenVerifier(Protocol):
    """Checks signature, issuer, audience and lifetime. `AccessLookup` checks whether the session is still valid."""

    def verify(self, token: bytes) -> TokenClaims:
        """Return the claims of a valid token [RFC 8725]. Raises `Unauthenticated` for an invalid token."""


class AccessLookup(Protocol):
    """Returns the principal of a verified token.

    It looks the permissions up for each request, so that a revocation takes effect immediately.
    """

    async def principal(self, claims: TokenClaims) -> Principal:
        """Return the current principal of a verified token.

        Raises `Unauthenticated` when the user, the session or the membership has ended.
        """


class PublicTenants(Protocol):
    """Finds the tenants that have public pages."""

    async def named(self, slug: str) -> TenantId | None:
        """Return the tenant with this slug. None for any other text, and for a tenant without public pages."""


class PrincipalResolver(Protocol):
    """Finds the principal of work that runs later, without a token."""

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        """Return the user with the current permissions. Raises `Unauthenticated` when the user or the membership has ended."""


class PermissionChecker(Protocol):
    """Decides by the permissions of the principal's role in the tenant of its token."""

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raises `Unauthenticated` or `Forbidden` unless `principal` holds `permission`."""


class PasswordHasher(Protocol):
    """Hashing is deliberately slow: an implementation runs it off the event loop, and limits its concurrency.

    `verify` is the only place that compares a password, and it limits the attempts: every use of a password is charged.
    """

    async def hash(self, password: str) -> str:
        """Return a salted hash of `password` for storage."""

    async def verify(self, password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
        """Return whether `password` matches `hashed`, and a new hash if the parameters have changed.

        `None` (unknown user) takes as long as a real verification and is never true. `account` is the e-mail address that was
        given, also of no user. `device` is a device or session that is known to belong to the user, or None. Raises
        `TooManyRequests` when the account, the device or the client's address has to wait.
        """


class BreachedPasswords(Protocol):
    """A list of passwords that were published in a breach [NIST SP 800-63B, section 5.1.1.2]."""

    async def contains(self, password: str) -> bool:
        """Return whether `password` is on the list."""


class PasswordPolicy(Protocol):
    """Decides which passwords are strong enough to be set."""

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        """Raises `Invalid` at `pointer` for a weak password; `known` is public information about its user."""


class LinkTokens(Protocol):
    """Tokens in the links of e-mails. A token is computed from the ids of a row and the server's key: the row does not hold it, and an
    e-mail that is sent twice has the same one."""

    def seal(self, purpose: str, *ids: UUID) -> str:
        """Return a token that names `ids`, valid for `purpose` only and usable in a URL."""

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        """Return the ids in a valid token for `purpose`; None for any other text."""
