"""The Python of a column's declaration, as `tables.py` and revisions write it."""

from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from api_base.infrastructure.db.schema import Xid8

_CODES: Final[tuple[tuple[type[Any], str], ...]] = (
    (JSONB, "JSONB"),
    (sa.Uuid, "sa.Uuid"),
    (sa.BigInteger, "sa.BigInteger"),
    (sa.SmallInteger, "sa.SmallInteger"),
    (sa.Integer, "sa.Integer"),
    (sa.Boolean, "sa.Boolean"),
    (sa.REAL, "sa.REAL"),
    (sa.Date, "sa.Date"),
    (sa.LargeBinary, "sa.LargeBinary"),
    (Xid8, "Xid8"),
)
_COLLATED: Final = "C"


def type_code(kind: sa.types.TypeEngine[Any]) -> str | None:
    """Return the Python of a type, by the names of `schema.py`, `sa`, and SQLAlchemy's dialect of PostgreSQL; None for a type without one."""
    if isinstance(kind, ARRAY):
        inner = type_code(kind.item_type)
        return inner and f"ARRAY({inner})"
    if type(kind) is sa.Text and kind.collation == _COLLATED:
        return "text()"
    if isinstance(kind, sa.DateTime) and kind.timezone:
        return "timestamp()"
    return next((code for one, code in _CODES if isinstance(kind, one)), None)


def column_code(name: str, kind: sa.types.TypeEngine[Any], *, nullable: bool, of: Callable[[Any], str] = repr) -> str:
    """Return the Python of a column."""
    return f'sa.Column("{name}", {type_code(kind) or of(kind)}{"" if nullable else ", nullable=False"})'
