"""Queries of users: rows become DTOs directly, without the aggregate."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import Page
from api_base.application.users import permissions
from api_base.application.users.dtos import PlatformRole, UserDTO
from api_base.application.users.queries import USER_FIELDS, GetProfile, GetUser, GetUsersByIds, ListUsers
from api_base.core.errors import Forbidden, NotFound
from api_base.core.protocols import PermissionChecker
from api_base.core.types import Language, UserId, current_context, request_user
from api_base.domain.users.entities import UserStatus
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.users.tables import IS_PLATFORM_ADMINISTRATOR, USERS

PLATFORM_ROLE: Final = sa.case(
    (IS_PLATFORM_ADMINISTRATOR, sa.literal_column(f"'{PlatformRole.ADMINISTRATOR}'")), else_=sa.literal_column(f"'{PlatformRole.USER}'")
).label("platform_role")
COLUMNS: Final = {"email": USERS.c.email, "status": USERS.c.status, "created_at": USERS.c.created_at}


to_dto: Final = restored(UserDTO, platform_role=PlatformRole, status=UserStatus, language=Language)


class _UserReader:
    """Reads a user by id."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = Statement(
            sa.select(USERS, PLATFORM_ROLE).where(USERS.c.id == sa.bindparam("id", type_=sa.Uuid)), Ownership.SYSTEM
        )

    async def _get(self, id: UserId) -> UserDTO:
        row = await self._database.fetchrow(self._statement, None, id=id)
        if row is None:
            raise NotFound("user", id)
        return to_dto(row)


class GetProfileHandler(_UserReader):
    async def handle(self, query: GetProfile) -> UserDTO:
        del query
        return await self._get(request_user())


class GetUserHandler(_UserReader):
    async def handle(self, query: GetUser) -> UserDTO:
        """The user. Raises `NotFound`."""
        return await self._get(query.id)


class GetUsersByIdsHandler:
    def __init__(self, database: Database, checker: PermissionChecker) -> None:
        self._database, self._checker = database, checker
        named = USERS.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid)))
        self._statement = Statement(sa.select(USERS, PLATFORM_ROLE).where(named), Ownership.SYSTEM)

    async def handle(self, query: GetUsersByIds) -> Sequence[UserDTO]:
        """Read the same for ids that the caller may not see as for ids that do not exist."""
        try:
            self._checker.check(current_context.get().principal, permissions.MANAGE)
            ids = list(query.ids)
        except Forbidden:
            ids = [id for id in query.ids if id == request_user()]
        return [to_dto(row) for row in await self._database.fetch(self._statement, None, ids=ids)]


class ListUsersHandler:
    def __init__(self, database: Database) -> None:
        self.pages = PageBuilder(database, USERS, USER_FIELDS, COLUMNS, to_dto, also=(PLATFORM_ROLE,))

    async def handle(self, query: ListUsers) -> Page[UserDTO]:
        """A page of users. Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, None)
