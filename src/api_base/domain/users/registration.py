"""A registration whose e-mail address is not verified yet. Who can read the mailbox chooses the password and becomes the user."""

from dataclasses import dataclass
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
    """An address has one that is not confirmed."""

    email: EmailAddress
    name: str
    language: Language
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    @classmethod
    def begin(cls, *, id: UUID, email: EmailAddress, name: str, language: Language, now: datetime) -> Self:
        """Raises `Invalid` for an invalid name."""
        return cls(id=id, email=email, name=NAME.parse(name, "/name"), language=language, created_at=now, expires_at=now + LIFETIME)

    def is_fresh(self, now: datetime) -> bool:
        """Whether a link to it lasts long enough to be e-mailed again: a stranger who registers the address again cannot prolong it."""
        return self.used_at is None and now < self.expires_at - LIFETIME / 2

    def register_again(self, name: str, language: Language) -> None:
        """Take the later name and language. Raises `Invalid` for an invalid name."""
        self.name, self.language = NAME.parse(name, "/name"), language

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be confirmed."""
        return self.used_at is None and now < self.expires_at

    def confirm(self, user_id: UUID, now: datetime) -> User:
        """Confirm once. Returns the new user. Raises `LinkRefused`."""
        if not self.is_open(now):
            raise LinkRefused
        self.used_at = now
        return User.register(id=user_id, email=self.email, name=self.name, language=self.language, now=now)
