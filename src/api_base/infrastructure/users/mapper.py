"""Between a user and its row."""

from typing import Any

from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.errors import EmailTaken
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.users.tables import USERS


def to_row(user: User) -> tuple[Any, ...]:
    return (
        user.id,
        user.email.value,
        user.name,
        user.password_hash,
        user.status.value,
        user.platform_admin,
        user.failed_logins,
        user.locked_until,
        user.version,
        user.created_at,
        user.updated_at,
    )


def from_row(row: Row) -> User:
    values = dict(row) | {"email": EmailAddress(row["email"]), "status": UserStatus(row["status"])}
    return User(**values)


MAPPING = TableMapping[User](
    entity="user",
    table=USERS,
    to_row=to_row,
    from_row=from_row,
    owner=lambda user: None,
    refusals={"uq_users_email": lambda user: EmailTaken(user.email.value)},
)
