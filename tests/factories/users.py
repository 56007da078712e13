"""Users that are valid by default; a test states only what it is about."""

from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4

from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_numbers = count(1)


def user(
    *,
    id: UUID | None = None,
    email: str | None = None,
    name: str = "Ana",
    platform_admin: bool = False,
    now: datetime = NOW,
    language: Language = Language.EN,
) -> User:
    """As it is after it was registered and saved once: no event is left."""
    made = User.register(
        id=id or uuid4(),
        email=EmailAddress.parse(email or f"user{next(_numbers)}@example.com"),
        name=name,
        now=now,
        platform_admin=platform_admin,
        language=language,
    )
    made.version = 1
    made.collect_events()
    return made
