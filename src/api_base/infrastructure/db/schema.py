"""Declarations of tables: a table is owned by a tenant, by a user or by the system, and declares it in `Table.info`.

Text compares by code point (`COLLATE "C"`), so that Python, SQL and indexes agree. Columns may be marked `SECRET` or `PERSONAL`; the audit
trail never shows their values.
"""

from enum import Enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.types import UserDefinedType

from api_base.core.errors import ProgrammingError

SECRET: Final = {"sensitivity": "secret"}
PERSONAL: Final = {"sensitivity": "personal"}


type DeclaredTable = sa.Table[ReadOnlyColumnCollection[str, sa.Column[object]]]
"""A table of a context, with columns of any type."""


class Ownership(Enum):
    """The kind of owner of a table's rows. The value is the setting that the table's policies compare with."""

    TENANT = "app.tenant_id"
    USER = "app.user_id"
    SYSTEM = None


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


def tenant_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem, owner: str = "tenant_id") -> sa.Table:
    """A table with a tenant policy. `owner` names the column with the tenant's id."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.TENANT, "owner": owner})


def user_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table with a user policy on its column `user_id`."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.USER, "owner": "user_id"})


def system_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table without a policy: its rows belong neither to a tenant nor to a user."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.SYSTEM, "owner": None})


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
    sa.DateTime: "timestamptz",
    sa.LargeBinary: "bytea",
    Xid8: "xid8",
}
