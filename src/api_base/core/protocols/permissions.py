"""What a principal may do."""

from typing import Protocol

from api_base.core.protocols.tokens import TokenClaims
from api_base.core.types.principal import Principal


class AccessLookup(Protocol):
    """Makes a principal of a verified token. What it may do is looked up at each request, so that a revocation is seen at once."""

    async def principal(self, claims: TokenClaims) -> Principal:
        """The principal behind a verified token, as of now; raises `Unauthenticated` when its user, session or membership has ended."""
        ...


class PermissionChecker(Protocol):
    """Decides by what the principal's role allows in the tenant of its token."""

    def check(self, principal: Principal | None, permission: str) -> None:
        """Raises `Unauthenticated` or `Forbidden` unless `principal` holds `permission`."""
        ...
