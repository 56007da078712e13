"""Repositories of users, registrations and password resets."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.types import NO_TENANT, UserId, request_user
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration
from api_base.domain.users.repository import PasswordResetRepository, RegistrationRepository, UserRepository
from api_base.infrastructure.db.changes import Change, Kind, PendingWrite
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import OWNER, Statement, owner_source
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.users.mapper import MAPPING, REGISTRATION_MAPPING, RESET_MAPPING
from api_base.infrastructure.users.tables import (
    IS_PLATFORM_ADMIN,
    PASSWORD_RESETS,
    PLATFORM_ADMINISTRATORS,
    REGISTRATIONS,
    USERS,
)

_SET_PASSWORD_HASH: Final = f"select set_user_password_hash(t.id, $2) from {owner_source(Ownership.USER)}"


class _PasswordHashes(PendingWrite):
    """The password hashes that a unit of work stores, after the users."""

    tenant = NO_TENANT
    alone = False

    def __init__(self) -> None:
        self.rows: list[Any] = []

    async def send(self, connection: Connection) -> None:
        for user_id, password_hash in self.rows:
            await connection.execute(_SET_PASSWORD_HASH, str(user_id), password_hash)

    def committed(self) -> None:
        """Nothing waits for it."""


class SqlUserRepository(SqlRepository[User], UserRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, lambda: None)
        active = (
            sa.select(sa.func.count()).select_from(USERS.join(PLATFORM_ADMINISTRATORS)).where(USERS.c.status == UserStatus.ACTIVE.value)
        )
        self._administrators = Statement(active, Ownership.SYSTEM)
        self._password_hash = Statement(sa.select(sa.func.user_password_hash(OWNER, type_=sa.Text)), Ownership.USER)
        self._by_email = self.by("email")
        self._by_emails = self.among("email")

    def statement(self, *where: sa.ColumnElement[bool]) -> Statement:
        """Build a statement for users, and whether they are administrators of the platform."""
        return Statement(sa.select(USERS, IS_PLATFORM_ADMIN).where(*where), Ownership.SYSTEM)

    async def create(self, entity: User) -> User:
        """Save a new user. An administrator can only be saved as the role that owns the tables."""
        await super().create(entity)
        if entity.platform_admin:
            appointment = Change(
                kind=Kind.INSERT,
                entity="platform_administrator",
                table=PLATFORM_ADMINISTRATORS,
                ownership=Ownership.SYSTEM,
                row=(entity.id,),
                id=entity.id,
                owner=None,
                expected=0,
            )
            open_unit().register(appointment)
        return entity

    async def password_hash(self, user_id: UserId) -> str:
        return await self._database.fetchval(self._password_hash, user_id) or ""

    async def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        open_unit().sender(_PasswordHashes, _PasswordHashes).rows.append((user_id, password_hash))

    async def administrators(self) -> int:
        count: int = await self._database.fetchval(self._administrators, None)
        return count

    async def by_email(self, email: EmailAddress) -> User | None:
        return await self._by_email(email.value)

    async def by_emails(self, emails: Sequence[EmailAddress]) -> list[User]:
        return await self._by_emails([email.value for email in emails])


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
