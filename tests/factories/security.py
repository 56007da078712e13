"""The security ports, fast and predictable, for tests of use cases."""

from datetime import timedelta
from uuid import UUID

from api_base.core.errors import Invalid
from api_base.core.protocols import AccessToken, Clock
from api_base.core.types import SessionId, TenantId, UserId


class PlainHasher:
    """Hashes that can be read. `verified` are those asked for, `tried` the accounts and devices, `new_hash` what a right password answers."""

    def __init__(self, new_hash: str | None = None) -> None:
        self.verified: list[str | None] = []
        self.tried: list[tuple[str, UUID | None]] = []
        self.new_hash = new_hash

    async def hash(self, password: str) -> str:
        return f"hash of {password}"

    async def verify(self, password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
        self.verified.append(hashed)
        self.tried.append((account, device))
        good = hashed == await self.hash(password)
        return good, self.new_hash if good else None


class RefusingPolicy:
    """Refuses the passwords that it is made with; `asked` is what it was told of the users."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.asked = refused, list[tuple[str, ...]]()

    async def check(self, password: str, *, known: tuple[str, ...], pointer: str = "/password") -> None:
        self.asked.append(known)
        if password in self.refused:
            raise Invalid.of(pointer, "too_easy", "is too easy to guess")


class ReadableIssuer:
    """Access tokens that say in plain text what they are for; good for 600 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def issue(self, user_id: UserId, session_id: SessionId, tenant_id: TenantId | None) -> AccessToken:
        return AccessToken(value=readable(user_id, session_id, tenant_id), expires_at=self._clock.now() + timedelta(seconds=600))

    def key_set(self) -> dict[str, object]:
        return {"keys": []}


def readable(user_id: UUID, session_id: UUID, tenant_id: UUID | None) -> str:
    return f"{user_id} {session_id} {tenant_id}"
