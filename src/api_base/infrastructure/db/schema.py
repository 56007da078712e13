"""Declarations of tables: a table is owned by a tenant, by a user or by the system, and declares it in `Table.info`.

Text compares by code point (`COLLATE "C"`), so that Python, SQL and indexes agree. Columns may be marked `SECRET` or `PERSONAL`; the audit
trail never shows their values.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import UserDefinedType

from api_base.core.errors import ProgrammingError
from api_base.core.shared.places import caller

_DIALECT: Final = registry.load("postgresql")()
_MAX_NAME_BYTES: Final = 63
SECRET: Final = {"sensitivity": "secret"}
PERSONAL: Final = {"sensitivity": "personal"}
DIFFERENCE: Final = {"difference": True}
"""Marks a column of JSON: the audit of an update records the members that differ, by JSON Pointer, instead of two whole documents."""


ROW_PRIVILEGES: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""Policies limit these. A role can have others, such as TRUNCATE, which they do not limit."""

DELETED_AT: Final = "deleted_at"
"""The column of rows that can be restored."""

type DeclaredTable = sa.Table[ReadOnlyColumnCollection[str, sa.Column[object]]]
"""A table of a context, with columns of any type."""


class Ownership(Enum):
    """The kind of owner of a table's rows. The value is the setting that the table's policies compare with."""

    TENANT = "app.tenant_id"
    USER = "app.user_id"
    SYSTEM = None


VISITED: Final = "app.visited_tenant_id"
"""The setting of the tenant whose public pages a statement reads. `app.tenant_id` is not set then, so no other policy shows a row."""
VISITOR: Final = "app.visitor_id"
"""The setting of the user who reads public pages; empty for an anonymous one."""
TENANT_SLUG: Final = "app.tenant_slug"
"""The setting of the name under which a tenant with public pages is looked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRows:
    """Which rows of a tenant anybody may read: those whose boolean column `published` is true, and visitors those with their id in `own`.

    A row with a time in `deleted` is none of them. The values are names of columns; None for none. `written`: visitors also add, change and
    delete rows with their id in `own`, and read them when they are deleted.
    """

    published: str | None
    own: str | None
    deleted: str | None
    written: bool

    def arguments(self) -> list[str]:
        """Return the arguments that declare them, as code."""
        named = [f"{name}={value!r}" for name, value in (("public", self.published), ("own", self.own)) if value is not None]
        return [*named, "visitors_write=True"] if self.written else named


def text() -> sa.Text:
    """Text compared by code point. The domain checks its length."""
    return sa.Text(collation="C")


class Xid8(UserDefinedType[int]):
    """A transaction id that never wraps around [PostgreSQL manual, 8.19]."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """Return the type's name in DDL."""
        return "xid8"


def timestamp() -> sa.DateTime:
    """A point in time, stored in UTC with microseconds."""
    return sa.DateTime(timezone=True)


def tenant_owned(
    name: str,
    metadata: sa.MetaData,
    *parts: sa.schema.SchemaItem,
    owner: str = "tenant_id",
    across_owners: Mapping[str, str] | None = None,
    privileges: Sequence[str] = ROW_PRIVILEGES,
    public: str | None = None,
    own: str | None = None,
    visitors_write: bool = False,
) -> sa.Table:
    """A table with a tenant policy. `owner` names the column with the tenant's id.

    `across_owners` names the unique indexes that do not start with it, and why they show nobody a value of another tenant.
    `privileges` are those that the roles `app` and `worker` may have on it: a start refuses others.
    `public` names the boolean column of rows that anybody may read on public pages (docs/public-pages.md), `own` the column with the id of the
    user who may read a row there as well, and write it if `visitors_write`.
    """
    table = _declare(name, metadata, parts, Ownership.TENANT, owner, across_owners or {}, privileges)
    if public is not None or own is not None or visitors_write:
        table.info["public_rows"] = PublicRows(
            published=public, own=own, deleted=DELETED_AT if DELETED_AT in table.columns else None, written=visitors_write
        )
    return table


def user_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem, privileges: Sequence[str] = ROW_PRIVILEGES) -> sa.Table:
    """A table with a user policy on its column `user_id`. `privileges` as for `tenant_owned`."""
    return _declare(name, metadata, parts, Ownership.USER, "user_id", {}, privileges)


def system_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem, privileges: Sequence[str] = ROW_PRIVILEGES) -> sa.Table:
    """A table without a policy: its rows belong neither to a tenant nor to a user. `privileges` as for `tenant_owned`."""
    return _declare(name, metadata, parts, Ownership.SYSTEM, None, {}, privileges)


def _declare(
    name: str,
    metadata: sa.MetaData,
    parts: Sequence[sa.schema.SchemaItem],
    ownership: Ownership,
    owner: str | None,
    across_owners: Mapping[str, str],
    privileges: Sequence[str],
) -> sa.Table:
    info = {
        "ownership": ownership,
        "owner": owner,
        "across_owners": across_owners,
        "privileges": privileges,
        "declared_at": caller(__name__),
    }
    return sa.Table(name, metadata, *parts, info=info)


def ownership(table: sa.Table) -> Ownership:
    """Return the kind of owner of a declared table's rows. Raises `ProgrammingError` for a table that does not declare it."""
    found: Ownership | None = table.info.get("ownership")
    if found is None:
        raise ProgrammingError(
            f"The table {table.name!r} does not declare who owns its rows: use tenant_owned, user_owned or system_owned."
        )
    return found


def owner_column(table: sa.Table) -> str | None:
    """Return the column with the owner's id; None for a system table."""
    found: str | None = table.info["owner"]
    return found


def across_owners(table: sa.Table) -> Mapping[str, str]:
    """Return the unique indexes that deliberately do not start with the owner, and why."""
    found: Mapping[str, str] = table.info["across_owners"]
    return found


def public_rows(table: sa.Table) -> PublicRows | None:
    """Return which rows anybody may read, or visitors read and write; None for a table without public pages."""
    found: PublicRows | None = table.info.get("public_rows")
    return found


def privileges(table: sa.Table) -> Sequence[str]:
    """Return the privileges that the roles `app` and `worker` may have. A table without any is reached by functions only."""
    found: Sequence[str] = table.info["privileges"]
    return found


def declared_at(table: sa.Table) -> str:
    """Return where the table is declared, as `file:line`."""
    return str(table.info.get("declared_at", "unknown"))


def column_type(column: sa.Column[Any]) -> str:
    """Return the column's type in DDL, without its collation."""
    return column.type.compile(dialect=_DIALECT).partition(" COLLATE ")[0]


def identifier(name: str) -> str:
    """Return the name of an index or constraint; one of over 63 bytes, which PostgreSQL would cut off, ends with a digest [manual, 4.1.1]."""
    if len(name) <= _MAX_NAME_BYTES:
        return name
    digest = hashlib.blake2s(name.encode(), digest_size=4).hexdigest()
    return f"{name[: _MAX_NAME_BYTES - len(digest) - 1]}_{digest}"


def unique_name(table: str, owner: str | None, column: str) -> str:
    """Return the name of the constraint that `column` is unique among the rows of an owner."""
    return identifier("_".join(["uq", table, *([owner] if owner else []), column]))


def is_unique(table: sa.Table, column: str) -> bool:
    """Return whether a constraint or an index of the declared table makes `column` unique among the rows of an owner."""
    wanted = {column, table.info["owner"] or column}
    keys = [one for one in table.constraints if isinstance(one, sa.UniqueConstraint | sa.PrimaryKeyConstraint)]
    indexes = [one for one in table.indexes if one.unique and one.dialect_options["postgresql"]["where"] is None]
    return any({part.name for part in one.columns} <= wanted for one in (*keys, *indexes) if one.columns)


def needs_quotes(name: str) -> bool:
    """Return whether SQL accepts the name of a table or column only in quotes, which the statements of this package do not write."""
    return str(_DIALECT.identifier_preparer.quote(name)) != name


def written(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns that the application writes. PostgreSQL fills in the others (`server_default`)."""
    return [column for column in table.columns if column.server_default is None]


def sql_type(column: sa.Column[Any]) -> str:
    """Return the name of the column's type in a cast, without its collation. Raises `TypeError` for an unknown type."""
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    for python, name in _NAMES.items():
        if isinstance(kind, python):
            return f"{name}[]" if isinstance(column.type, ARRAY) else name
    raise TypeError(f"{column}: no cast is known for {kind!r}; add it to infrastructure/db/schema.py")


_NAMES: Final[dict[type[Any], str]] = {
    JSONB: "jsonb",
    sa.Uuid: "uuid",
    sa.Text: "text",
    sa.BigInteger: "bigint",
    sa.SmallInteger: "smallint",
    sa.Integer: "integer",
    sa.Boolean: "boolean",
    sa.REAL: "real",
    sa.DateTime: "timestamptz",
    sa.Date: "date",
    sa.LargeBinary: "bytea",
    Xid8: "xid8",
}
