"""A password reset: a person who can read the user's mail may set a new password, once and within its lifetime."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import UserId
from api_base.domain.users.entities import User
from api_base.domain.users.errors import LinkRefused

LIFETIME: Final = timedelta(minutes=30)


@dataclass(slots=True, kw_only=True, eq=False)
class PasswordReset(AggregateRoot):
    """Valid once, and only until the password changes in another way. A user has one that is not used."""

    user_id: UserId
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None

    @classmethod
    def begin(cls, *, id: UUID, user_id: UserId, now: datetime) -> Self:
        return cls(id=id, user_id=user_id, created_at=now, expires_at=now + LIFETIME)

    def is_open(self, user: User, now: datetime) -> bool:
        """Whether the link is still valid for `user`."""
        changed = user.password_changed_at is not None and self.created_at <= user.password_changed_at
        return self.used_at is None and now < self.expires_at and not changed

    def is_fresh(self, user: User, now: datetime) -> bool:
        """Whether a link to it lasts long enough to be e-mailed again."""
        return self.is_open(user, now) and now < self.expires_at - LIFETIME / 2

    def use(self, user: User, now: datetime) -> None:
        """Use it for a new password of `user`. Raises `LinkRefused`."""
        if not self.is_open(user, now):
            raise LinkRefused
        self.used_at = now
        user.change_password(now)
