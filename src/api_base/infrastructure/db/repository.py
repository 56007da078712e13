"""The generic repository: aggregates in one table, read whole, saved whole, guarded by their version."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from api_base.core.base import AggregateRoot
from api_base.core.errors import ProgrammingError, Transient
from api_base.core.shared.places import Declaration
from api_base.infrastructure.db.changes import NO_ERRORS, Change, ConstraintErrors, Kind
from api_base.infrastructure.db.schema import is_unique, owner_column, ownership, unique_name
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.unit_of_work import current_unit, open_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class TableMapping[T](Declaration):
    """How an aggregate is stored: `to_row` returns the values in the order of the table's columns, `from_row` restores the aggregate.
    `owner` returns the tenant or user that owns an aggregate. `constraint_errors` returns the error of an aggregate that violates the
    named constraint.

    `aggregate_mapping` also says of which class, which column each field of a list is, the SQL of the default of a (table, column), and what does not fit.
    """

    entity: str
    table: sa.Table
    to_row: Callable[[T], tuple[Any, ...]]
    from_row: Callable[[Row], T]
    owner: Callable[[T], UUID | None]
    constraint_errors: Mapping[str, Callable[[T], Exception]] = field(default_factory=dict)
    aggregate: type[T] | None = None
    fields: Mapping[str, sa.Column[Any]] = field(default_factory=dict)
    defaults: Mapping[tuple[str, str], str] = field(default_factory=dict)
    faults: Sequence[str] = ()


class SqlRepository[T: AggregateRoot]:
    """Implements `AsyncRepository`. `owner` returns the owner whose rows are read: the tenant or user of the current request."""

    def __init__(self, database: Database, mapping: TableMapping[T], owner: Callable[[], UUID | None]) -> None:
        self._database, self._mapping, self._owner = database, mapping, owner
        table = mapping.table
        self._ownership = ownership(table)
        self._by_id = self.statement(table.c.id == sa.bindparam("id", type_=sa.Uuid()))
        database.repositories.append(self)

    @property
    def mapping(self) -> TableMapping[T]:
        """Return how the aggregates are stored."""
        return self._mapping

    def statement(self, *where: sa.ColumnElement[bool]) -> Statement:
        """Build a statement for whole rows of the owner that satisfy `where`. Create it once and reuse it."""
        table = self._mapping.table
        return Statement(sa.select(table).where(owned(table), *where), self._ownership)

    async def get(self, id: UUID) -> T | None:
        """Return the aggregate with this id, or None if the owner has no such aggregate."""
        return await self.find(self._by_id, self._owner(), id=id)

    def by(self, column: str) -> Callable[[Any], Awaitable[T | None]]:
        """Return the function that finds the aggregate of the owner with a value, as it is stored, in a unique column. Create it once and reuse it.

        Raises `ProgrammingError` if the declaration of the table does not make the column unique among the rows of an owner.
        """
        table = self._mapping.table
        if column not in table.columns or not is_unique(table, column):
            keys = ", ".join(repr(one) for one in (owner_column(table), column) if one)
            raise ProgrammingError(
                f"SqlRepository.by({column!r}): no constraint of the table {table.name!r} makes the column unique. "
                f"Add sa.UniqueConstraint({keys}, name={unique_name(table.name, owner_column(table), column)!r}) to its declaration."
            )
        statement = self.statement(table.c[column] == sa.bindparam("value", type_=table.c[column].type))

        async def find(value: Any) -> T | None:
            return await self.find(statement, self._owner(), value=value)

        return find

    def among(self, column: str) -> Callable[[Sequence[Any]], Awaitable[list[T]]]:
        """Return the function that finds the aggregates of the owner with one of some values, as they are stored, in a column. Create it once and reuse it."""
        compared = self._mapping.table.c[column]
        statement = self.statement(compared == sa.any_(sa.bindparam("among", type_=ARRAY(type(compared.type)))))

        async def find(values: Sequence[Any]) -> list[T]:
            return await self.find_all(statement, self._owner(), among=list(values))

        return find

    async def find(self, statement: Statement, owner: UUID | None, **values: Any) -> T | None:
        """Return the aggregate in the first row of `statement`, or None."""
        row = await self._database.fetchrow(statement, owner, **values)
        return None if row is None else self.restore(row)

    async def find_all(self, statement: Statement, owner: UUID | None, **values: Any) -> list[T]:
        """Return the aggregates in all rows of `statement`."""
        return [self.restore(row) for row in await self._database.fetch(statement, owner, **values)]

    def restore(self, row: Row) -> T:
        """Return the aggregate in `row`. An open unit of work remembers the row, for the audit of its change."""
        entity = self._mapping.from_row(row)
        unit = current_unit.get()
        if unit is not None:
            unit.remember(self._mapping.table.name, entity.id, row)
        return entity

    async def create(self, entity: T) -> T:
        """Save a new aggregate when the unit of work ends. Raises `NoTransaction` outside one."""
        entity.version = 1
        self._register(Kind.INSERT, entity, 0)
        return entity

    async def update(self, entity: T) -> T:
        """Save `entity` when the unit of work ends, which raises `StaleVersion` if another version is stored. Raises `NoTransaction` outside one."""
        expected = entity.version
        entity.version = expected + 1
        self._register(Kind.UPDATE, entity, expected)
        return entity

    async def delete(self, id: UUID) -> bool:
        """Delete by id when the unit of work ends; False without such an aggregate. Raises `NoTransaction` outside one."""
        entity = await self.get(id)
        if entity is None:
            return False
        await self.remove(entity)
        return True

    async def remove(self, entity: T) -> None:
        """Delete `entity` when the unit of work ends, guarded by its version; its events are stored. Its relations are removed now."""
        cascades, owner = self._database.cascades.get(self._mapping.table.name, {}), self._mapping.owner(entity)
        for cascade in cascades.values():
            assert owner is not None  # the table belongs to tenants
            await cascade(owner, entity.id)
        self._register(Kind.DELETE, entity, entity.version, dict.fromkeys(cascades, _related_meanwhile))

    def _register(self, kind: Kind, entity: T, expected: int, errors: ConstraintErrors = NO_ERRORS) -> None:
        unit, mapping = open_unit(), self._mapping
        change = Change(
            kind=kind,
            entity=mapping.entity,
            table=mapping.table,
            ownership=self._ownership,
            row=mapping.to_row(entity),
            id=entity.id,
            owner=mapping.owner(entity),
            expected=expected,
            before=None if kind is Kind.INSERT else unit.remembered(mapping.table.name, entity.id),
            events=entity.collect_events(),
            constraint_errors={**{name: partial(make, entity) for name, make in mapping.constraint_errors.items()}, **errors},
        )
        unit.register(change)


def _related_meanwhile() -> Exception:
    """Return the error of a deletion whose aggregate got another relation after its relations were removed: the command is repeated."""
    return Transient("Another request has just related something to what is deleted.")
