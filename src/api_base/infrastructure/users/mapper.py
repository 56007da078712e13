"""Map users, registrations and password resets to their rows and back."""

from api_base.core.errors import Transient
from api_base.core.types import Language
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.errors import EmailTaken
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.users.tables import PASSWORD_RESETS, REGISTRATIONS, USERS

MAPPING = TableMapping[User](
    entity="user",
    table=USERS,
    to_row=row_of(USERS, email="email.value", status="status.value", language="language.value"),
    from_row=restored(User, email=EmailAddress, status=UserStatus, language=Language),
    owner=lambda user: None,
    constraint_errors={"uq_users_email": lambda user: EmailTaken(user.email.value)},
)

REGISTRATION_MAPPING = TableMapping[Registration](
    entity="registration",
    table=REGISTRATIONS,
    to_row=row_of(REGISTRATIONS, email="email.value", language="language.value"),
    from_row=restored(Registration, email=EmailAddress, language=Language),
    owner=lambda registration: None,
    constraint_errors={"uq_registrations_unconfirmed": lambda registration: Transient("Another request has just registered this address.")},
)

RESET_MAPPING = TableMapping[PasswordReset](
    entity="password_reset",
    table=PASSWORD_RESETS,
    to_row=row_of(PASSWORD_RESETS),
    from_row=restored(PasswordReset),
    owner=lambda reset: reset.user_id,
    constraint_errors={"uq_password_resets_unused": lambda reset: Transient("Another request has just begun a password reset.")},
)
