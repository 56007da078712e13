"""DTOs of sessions."""

from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensDTO:
    """A token response [RFC 6749, section 5.1]. `expires_in` is in seconds. `refresh_token` is null if the current one stays valid."""

    access_token: str = field(repr=False)
    token_type: str
    expires_in: int
    refresh_token: str | None = field(repr=False)
    tenant_id: UUID | None
