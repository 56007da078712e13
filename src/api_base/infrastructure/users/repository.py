"""Repositories of users, registrations and password resets."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.core.types import UserId, request_user
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration
from api_base.domain.users.repository import PasswordResetRepository, RegistrationRepository, UserRepository
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.users.mapper import MAPPING, REGISTRATION_MAPPING, RESET_MAPPING
from api_base.infrastructure.users.tables import PASSWORD_RESETS, REGISTRATIONS, USERS


class SqlUserRepository(SqlRepository[User], UserRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, lambda: None)
        active = sa.select(sa.func.count()).select_from(USERS).where(USERS.c.platform_admin, USERS.c.status == UserStatus.ACTIVE.value)
        self._administrators = Statement(active, Ownership.SYSTEM)
        self._by_email = self.statement(USERS.c.email == sa.bindparam("email", type_=sa.Text))
        self._by_emails = self.statement(USERS.c.email == sa.any_(sa.bindparam("emails", type_=ARRAY(sa.Text))))

    async def administrators(self) -> int:
        count: int = await self._database.fetchval(self._administrators, None)
        return count

    async def by_email(self, email: EmailAddress) -> User | None:
        return await self.find(self._by_email, None, email=email.value)

    async def by_emails(self, emails: Sequence[EmailAddress]) -> list[User]:
        return await self.find_all(self._by_emails, None, emails=[email.value for email in emails])


class SqlRegistrationRepository(SqlRepository[Registration], RegistrationRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, REGISTRATION_MAPPING, lambda: None)
        self._unconfirmed = self.statement(REGISTRATIONS.c.used_at.is_(None), REGISTRATIONS.c.email == sa.bindparam("email", type_=sa.Text))

    async def unconfirmed(self, email: EmailAddress) -> Registration | None:
        return await self.find(self._unconfirmed, None, email=email.value)


class SqlPasswordResetRepository(SqlRepository[PasswordReset], PasswordResetRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, RESET_MAPPING, request_user)
        self._unused = self.statement(PASSWORD_RESETS.c.used_at.is_(None))

    async def of(self, user_id: UserId, id: UUID) -> PasswordReset | None:
        return await self.find(self._by_id, user_id, id=id)

    async def unused(self, user_id: UserId) -> PasswordReset | None:
        return await self.find(self._unused, user_id)
