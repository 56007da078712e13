"""How tables are declared: each is owned by a tenant, by a user, or by the system, and says so in `Table.info`.

Text compares by code point (`COLLATE "C"`), so that Python, SQL and indexes agree. Columns may be marked `SECRET` or
`PERSONAL`; the audit trail never shows those in clear.
"""

from enum import Enum
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import UserDefinedType

SECRET: Final = {"sensitivity": "secret"}
PERSONAL: Final = {"sensitivity": "personal"}


class Ownership(Enum):
    """Whose the rows are; `setting` is what the policies on the table compare with."""

    TENANT = "app.tenant_id"
    USER = "app.user_id"
    SYSTEM = None


def text() -> sa.Text:
    """Text compared by code point; its length is checked by the domain."""
    return sa.Text(collation="C")


class Xid8(UserDefinedType[int]):
    """The id of a transaction, which never wraps around [PostgreSQL manual, 8.19]."""

    cache_ok = True

    def get_col_spec(self, **options: Any) -> str:
        """As a revision creates it."""
        return "xid8"


def timestamp() -> sa.DateTime:
    """A moment, kept in UTC with microseconds."""
    return sa.DateTime(timezone=True)


def tenant_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem, owner: str = "tenant_id") -> sa.Table:
    """A table under a tenant policy. `owner` names the column that holds the tenant."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.TENANT, "owner": owner})


def user_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table under a user policy, by its column `user_id`."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.USER, "owner": "user_id"})


def system_owned(name: str, metadata: sa.MetaData, *parts: sa.schema.SchemaItem) -> sa.Table:
    """A table without a policy: what it holds belongs to no tenant and no single user."""
    return sa.Table(name, metadata, *parts, info={"ownership": Ownership.SYSTEM, "owner": None})


def ownership(table: sa.Table) -> Ownership:
    """Whose the rows of a declared table are."""
    found: Ownership = table.info["ownership"]
    return found


def owner_column(table: sa.Table) -> str | None:
    """The column that holds the owner of a row; None for a table of the system's."""
    found: str | None = table.info["owner"]
    return found


def written(table: sa.Table) -> list[sa.Column[Any]]:
    """The columns that a row of ours gives values for; the others (`server_default`) PostgreSQL fills in itself."""
    return [column for column in table.columns if column.server_default is None]


def sql_type(column: sa.Column[Any]) -> str:
    """The column's type as PostgreSQL names it in a cast, without its collation. Raises `TypeError` for a type not used so far."""
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
