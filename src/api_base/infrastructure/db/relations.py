"""Relations of many to many between aggregates: votes, followers, tags. Each pair is there or not, so adding and removing can be repeated.

Pairs are no aggregates: they have no version, and a statement writes them immediately, in the transaction of the command, with its audit record. Foreign
keys keep pairs from outliving the aggregates; those of an aggregate that a repository deletes permanently are removed and audited first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.errors import Conflict, NotFound, ProgrammingError
from api_base.core.protocols import Clock
from api_base.core.shared.places import caller
from api_base.core.types import request_tenant
from api_base.infrastructure.db.changes import AuditWriter
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, identifier, owner_column, ownership, tenant_owned, timestamp
from api_base.infrastructure.db.session import Cascade, Database
from api_base.infrastructure.db.statement import Statement, owned, owner_source
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.serialization.json_codec import encode

DECLARES_FOR_ITS_CALLERS: Final = True
_TENANT: Final = Ownership.TENANT
_AUDITED_TOGETHER: Final = 1000
"""Pairs in one audit record of a cascade."""


def relation_table(name: str, ends: Mapping[str, DeclaredTable | None]) -> sa.Table:
    """Return the table of the pairs `ends` within a tenant: two columns with ids, each with the table that it refers to.

    None for ids of another context, such as users: no foreign key keeps them. Raises `ProgrammingError` for anything but two ends of tenants or of
    the system.
    """
    if len(ends) != 2 or any(table is not None and ownership(table) is Ownership.USER for table in ends.values()):
        raise ProgrammingError(
            f"{caller(__name__)}: the relation {name!r} needs two columns, each with a table of tenants, a table of the system, or None."
        )
    left, right = ends
    table = tenant_owned(
        name,
        sa.MetaData(),
        sa.Column("tenant_id", sa.Uuid, primary_key=True),
        *(sa.Column(end, sa.Uuid, primary_key=True) for end in ends),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Index(identifier(f"ix_{name}_{right}"), "tenant_id", right, left),
        *(_reference(name, end, target) for end, target in ends.items() if target is not None),
        privileges=("SELECT", "INSERT", "DELETE"),
    )
    table.info["ends"] = dict(ends)
    return table


def _reference(name: str, end: str, target: DeclaredTable) -> sa.ForeignKeyConstraint:
    owner = owner_column(target)
    columns, referred = (["tenant_id", end], [owner, "id"]) if owner else ([end], ["id"])
    return sa.ForeignKeyConstraint(columns, [f"{target.name}.{column}" for column in referred], name=_constraint(name, end))


def _constraint(name: str, end: str) -> str:
    return identifier(f"fk_{name}_{end}")


class SqlRelation:
    """The pairs of a `relation_table`, in the tenant of the request. Pairs are given by the names of both columns: `put(article_id=…, user_id=…)`.

    `audit` records each pair that is added or removed, under the name of the table and the id of the first column.
    """

    def __init__(self, database: Database, table: sa.Table, audit: AuditWriter, clock: Clock) -> None:
        ends: Mapping[str, DeclaredTable | None] | None = table.info.get("ends")
        if ends is None:
            raise ProgrammingError(f"The table {table.name!r} is no relation. Declare it by relation_table.")
        self._database, self._table, self._audit, self._clock, self._ends = database, table, audit, clock, ends
        self._pair = Statement(
            sa.select(sa.literal_column("1")).where(owned(table), *(table.c[end] == sa.bindparam(end, type_=sa.Uuid()) for end in ends)),
            _TENANT,
        )
        left, right = ends
        self._insert = (
            f"insert into {table.name} (tenant_id, {left}, {right}, created_at) select t.id, $2::uuid, $3::uuid, $4::timestamptz "
            f"from {owner_source(_TENANT)} on conflict do nothing"
        )
        self._delete = f"delete from {table.name} where tenant_id = $1 and {left} = $2 and {right} = $3"
        for end, target in ends.items():
            if target is not None and ownership(target) is _TENANT:
                database.cascades.setdefault(target.name, {})[_constraint(table.name, end)] = self._cascade(end)

    async def exists(self, **pair: UUID) -> bool:
        """Return whether the pair is there."""
        self._check(pair)
        return await self._database.fetchval(self._pair, request_tenant(), **pair) is not None

    async def put(self, **pair: UUID) -> bool:
        """Add the pair, and return whether it was not there. Raises `NotFound` if one of the two does not exist, `NoTransaction` outside a command."""
        values, tenant, now = self._check(pair), request_tenant(), self._clock.now()

        async def insert(connection: Connection) -> bool:
            if await connection.execute(self._insert, str(tenant), *values, now) == "INSERT 0 0":
                return False
            await self._audit.note(connection, tenant, self._table.name, "added", values[0], (None, _json(pair)))
            return True

        unit = open_unit()
        await unit.flush()  # a pair may refer to what the command has just created
        try:
            return await unit.run(insert)
        except Conflict as error:
            violated = getattr(error.__cause__, "constraint_name", None)
            for end in [end for end in self._ends if _constraint(self._table.name, end) == violated]:
                raise NotFound(end.removesuffix("_id"), pair[end]) from error
            raise

    async def drop(self, **pair: UUID) -> bool:
        """Remove the pair, and return whether it was there. Raises `NoTransaction` outside a command."""
        values, tenant = self._check(pair), request_tenant()

        async def delete(connection: Connection) -> bool:
            await _act_in(connection, tenant)
            if await connection.execute(self._delete, tenant, *values) == "DELETE 0":
                return False
            await self._audit.note(connection, tenant, self._table.name, "removed", values[0], (_json(pair), None))
            return True

        return await open_unit().run(delete)

    def _cascade(self, end: str) -> Cascade:
        """Return what removes the pairs of an aggregate that is deleted."""
        (other,) = (one for one in self._ends if one != end)
        statement = f"delete from {self._table.name} where tenant_id = $1 and {end} = $2 returning {other}"

        async def remove(tenant: UUID, id: UUID) -> None:
            async def delete(connection: Connection) -> None:
                await _act_in(connection, tenant)
                removed = sorted(row[0] for row in await connection.fetch(statement, tenant, id))
                for first in range(0, len(removed), _AUDITED_TOGETHER):
                    before = _json({end: id, other: removed[first : first + _AUDITED_TOGETHER]})
                    await self._audit.note(connection, tenant, self._table.name, "removed", id, (before, None))

            await open_unit().run(delete)

        return remove

    def _check(self, pair: Mapping[str, UUID]) -> Sequence[UUID]:
        """Return the ids in the order of the columns."""
        if pair.keys() != self._ends.keys():
            left, right = self._ends
            raise ProgrammingError(
                f"A pair of {self._table.name!r} is named {left}=… and {right}=…, and not {', '.join(pair) or 'nothing'}."
            )
        return [pair[end] for end in self._ends]


def _json(value: Mapping[str, Any]) -> str:
    return encode(value).decode()


async def _act_in(connection: Connection, tenant: UUID) -> None:
    """Set the tenant of the transaction, which the policies compare with."""
    await connection.execute("select set_config($1, $2, true)", _TENANT.value, str(tenant))
