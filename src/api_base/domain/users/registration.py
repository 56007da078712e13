"""A registration whose e-mail address is not verified yet. The user is created on verification, so nobody can claim another person's address."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import NAME, User
from api_base.domain.users.errors import LinkRefused

LIFETIME: Final = timedelta(hours=24)


@dataclass(slots=True, kw_only=True, eq=False)
class Registration(AggregateRoot):
    """Several registrations may be pending for one address; the owner of the mailbox confirms one of them."""

    email: EmailAddress
    name: str
    password_hash: str = field(repr=False)
    language: Language
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    @classmethod
    def begin(cls, *, id: UUID, email: EmailAddress, name: str, password_hash: str, language: Language, now: datetime) -> Self:
        """Raises `Invalid` for an invalid name."""
        return cls(
            id=id,
            email=email,
            name=NAME.parse(name, "/name"),
            password_hash=password_hash,
            language=language,
            created_at=now,
            expires_at=now + LIFETIME,
        )

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be confirmed."""
        return self.used_at is None and now < self.expires_at

    def confirm(self, user_id: UUID, now: datetime) -> User:
        """Confirm once. Returns the new user. Raises `LinkRefused`."""
        if not self.is_open(now):
            raise LinkRefused
        self.used_at = now
        return User.register(
            id=user_id, email=self.email, name=self.name, password_hash=self.password_hash, language=self.language, now=now
        )
