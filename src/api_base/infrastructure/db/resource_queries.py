"""Ready handlers of queries on the aggregates of one table. Their messages are the context's own: any with the fields that `handle` reads."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.application.common.listing import Fields, ListRequest, Page
from api_base.core.base import AggregateRoot
from api_base.core.errors import Invalid, NotFound
from api_base.core.types import readable_tenant, request_user
from api_base.domain.common.resource import Resource, entered
from api_base.infrastructure.db.query_builder import PageBuilder, TextSearch
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.schema import DELETED_AT, Ownership, ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned


class _One(Protocol):
    @property
    def id(self) -> UUID: ...


class _Keyed(Protocol):
    @property
    def key(self) -> str: ...


class _Several(Protocol):
    @property
    def ids(self) -> tuple[UUID, ...]: ...


class _Listing(Protocol):
    @property
    def request(self) -> ListRequest: ...


def request_owner(table: sa.Table) -> Callable[[], UUID | None]:
    """Return what returns the owner of the rows that the current request may read."""
    return {Ownership.TENANT: readable_tenant, Ownership.USER: request_user, Ownership.SYSTEM: lambda: None}[ownership(table)]


class _Reader[T: AggregateRoot, D]:
    """Reads rows of the owner of the request, without deleted ones."""

    def __init__(self, database: Database, mapping: TableMapping[T], dto: Callable[[T], D]) -> None:
        self._database, self.mapping, self.dto = database, mapping, dto
        self.aggregate, self._owner = mapping.aggregate, request_owner(mapping.table)

    def _statement(self, *where: sa.ColumnElement[bool]) -> Statement:
        table = self.mapping.table
        return Statement(sa.select(table).where(owned(table), *where, *_not_deleted(table)), ownership(table))

    def _shown(self, row: Row) -> D:
        return self.dto(self.mapping.from_row(row))


class GetById[T: AggregateRoot, D](_Reader[T, D]):
    """Reads one aggregate by its id."""

    def __init__(self, database: Database, mapping: TableMapping[T], dto: Callable[[T], D]) -> None:
        super().__init__(database, mapping, dto)
        self._by_id = self._statement(mapping.table.c.id == sa.bindparam("id", type_=sa.Uuid))

    async def handle(self, query: _One) -> D:
        """Raises `NotFound`, also for a deleted aggregate and for one of another owner."""
        row = await self._database.fetchrow(self._by_id, self._owner(), id=query.id)
        if row is None:
            raise NotFound(self.mapping.entity, query.id)
        return self._shown(row)


class GetByKey[T: Resource, D](_Reader[T, D]):
    """Reads one resource by the unique text in its attribute `key`."""

    def __init__(self, database: Database, mapping: TableMapping[T], dto: Callable[[T], D], key: str) -> None:
        super().__init__(database, mapping, dto)
        self._key = key
        self._by_key = self._statement(_with_key(mapping.table, key))

    async def handle(self, query: _Keyed) -> D:
        """Raises `NotFound`, also for a deleted resource, for one of another owner, and for a text that is no key."""
        row = await self._database.fetchrow(self._by_key, self._owner(), key=_stored_key(self.mapping, self._key, query.key))
        if row is None:
            raise NotFound(self.mapping.entity, query.key, self._key)
        return self._shown(row)


class FindByKey[T: Resource]:
    """Finds the id of a resource, also of a deleted one, by the unique text in its attribute `key`."""

    def __init__(self, database: Database, mapping: TableMapping[T], key: str) -> None:
        self._database, self._mapping, self._key, table = database, mapping, key, mapping.table
        self._owner = request_owner(table)
        self._by_key = Statement(sa.select(table.c.id).where(owned(table), _with_key(table, key)), ownership(table))

    async def handle(self, query: _Keyed) -> UUID:
        """Raises `NotFound`."""
        found = await self._database.fetchval(self._by_key, self._owner(), key=_stored_key(self._mapping, self._key, query.key))
        if found is None:
            raise NotFound(self._mapping.entity, query.key, self._key)
        return cast("UUID", found)


def _with_key(table: sa.Table, key: str) -> sa.ColumnElement[bool]:
    return table.c[key] == sa.bindparam("key", type_=sa.Text())


def _stored_key[T: Resource](mapping: TableMapping[T], name: str, text: str) -> Any:
    """Return `text` as the attribute stores it. Raises `NotFound` for a text that no resource can have."""
    try:
        return entered(mapping.aggregate, {name: text})[name]
    except Invalid:
        raise NotFound(mapping.entity, text, name) from None


class GetByIds[T: AggregateRoot, D](_Reader[T, D]):
    """Reads several aggregates by their ids."""

    def __init__(self, database: Database, mapping: TableMapping[T], dto: Callable[[T], D]) -> None:
        super().__init__(database, mapping, dto)
        self._by_ids = self._statement(mapping.table.c.id == sa.any_(sa.bindparam("ids", type_=ARRAY(sa.Uuid))))

    async def handle(self, query: _Several) -> Sequence[D]:
        """Return those that exist."""
        return [self._shown(row) for row in await self._database.fetch(self._by_ids, self._owner(), ids=list(query.ids))]


class ListOf[T: AggregateRoot, D](_Reader[T, D]):
    """Reads a list in pages. `columns` are those of fields that the mapping does not name, `search` the text search of the list."""

    def __init__(
        self,
        database: Database,
        mapping: TableMapping[T],
        dto: Callable[[T], D],
        fields: Fields,
        *,
        columns: Mapping[str, sa.Column[Any]] | None = None,
        search: TextSearch | None = None,
    ) -> None:
        super().__init__(database, mapping, dto)
        table = mapping.table
        columns = {**mapping.fields, **(columns or {})}
        base = _shown_by_default(table) if DELETED_AT in table.columns else lambda request: (None, None)
        self.pages = PageBuilder(database, table, fields, columns, self._shown, base=base, search=search)

    async def handle(self, query: _Listing) -> Page[D]:
        """Raises `Invalid` for an invalid cursor."""
        return await self.pages.page(query.request, self._owner())


def _not_deleted(table: sa.Table) -> Sequence[sa.ColumnElement[bool]]:
    return [table.c.deleted_at.is_(None)] if DELETED_AT in table.columns else []


def _shown_by_default(table: sa.Table) -> Callable[[ListRequest], tuple[Hashable, sa.ColumnElement[bool] | None]]:
    def base(request: ListRequest) -> tuple[Hashable, sa.ColumnElement[bool] | None]:
        asked = DELETED_AT in request.filtered
        return asked, None if asked else table.c.deleted_at.is_(None)

    return base
