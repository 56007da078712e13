"""Map users, registrations and password resets to their rows and back."""

from typing import Any

from api_base.core.errors import Transient
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.errors import EmailTaken
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.users.tables import PASSWORD_RESETS, REGISTRATIONS, USERS


def to_row(user: User) -> tuple[Any, ...]:
    return (
        user.id,
        user.email.value,
        user.name,
        user.password_hash,
        user.status.value,
        user.platform_admin,
        user.language.value,
        user.password_changed_at,
        user.version,
        user.created_at,
        user.updated_at,
    )


def from_row(row: Row) -> User:
    values = dict(row) | {
        "email": EmailAddress(row["email"]),
        "status": UserStatus(row["status"]),
        "language": Language(row["language"]),
    }
    return User(**values)


MAPPING = TableMapping[User](
    entity="user",
    table=USERS,
    to_row=to_row,
    from_row=from_row,
    owner=lambda user: None,
    constraint_errors={"uq_users_email": lambda user: EmailTaken(user.email.value)},
)


def registration_to_row(registration: Registration) -> tuple[Any, ...]:
    return (
        registration.id,
        registration.email.value,
        registration.name,
        registration.language.value,
        registration.version,
        registration.created_at,
        registration.expires_at,
        registration.used_at,
    )


def registration_from_row(row: Row) -> Registration:
    return Registration(**dict(row) | {"email": EmailAddress(row["email"]), "language": Language(row["language"])})


def reset_to_row(reset: PasswordReset) -> tuple[Any, ...]:
    return (reset.user_id, reset.id, reset.version, reset.created_at, reset.expires_at, reset.used_at)


def reset_from_row(row: Row) -> PasswordReset:
    return PasswordReset(**dict(row))


REGISTRATION_MAPPING = TableMapping[Registration](
    entity="registration",
    table=REGISTRATIONS,
    to_row=registration_to_row,
    from_row=registration_from_row,
    owner=lambda registration: None,
    constraint_errors={"uq_registrations_unconfirmed": lambda registration: Transient("Another request has just registered this address.")},
)

RESET_MAPPING = TableMapping[PasswordReset](
    entity="password_reset",
    table=PASSWORD_RESETS,
    to_row=reset_to_row,
    from_row=reset_from_row,
    owner=lambda reset: reset.user_id,
    constraint_errors={"uq_password_resets_unused": lambda reset: Transient("Another request has just begun a password reset.")},
)
