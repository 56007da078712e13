"""Users, loaded whole."""

import sqlalchemy as sa

from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.entities import User
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.users.mapper import MAPPING
from api_base.infrastructure.users.tables import USERS


class SqlUserRepository(SqlRepository[User]):
    """Implements `UserRepository`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, lambda: None)
        self._by_email = self.statement(USERS.c.email == sa.bindparam("email", type_=sa.Text))

    async def by_email(self, email: EmailAddress) -> User | None:
        return await self.find(self._by_email, None, email=email.value)
