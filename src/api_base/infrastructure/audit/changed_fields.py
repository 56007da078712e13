"""The changed fields of a row before and after a change, as JSON text. Secret and personal values are replaced by labels."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from api_base.infrastructure.db.changes import Change, Kind
from api_base.infrastructure.serialization.json_codec import encode

_HIDDEN: Final = {"secret": "[secret]", "personal": "[personal]"}


def changed_fields(change: Change) -> tuple[str | None, str | None]:
    """JSON of the fields before and after. The first is None for an insert, the second for a delete."""
    columns = change.table.columns
    after = dict(zip((c.name for c in columns), change.row, strict=True))
    if change.kind is Kind.INSERT:
        return None, _json(change.table, after)
    if change.kind is Kind.DELETE:
        return _json(change.table, dict(change.before or after)), None
    if change.before is None:
        return None, _json(change.table, after)
    before = change.before
    names = [name for name, value in after.items() if before[name] != value]
    return _json(change.table, {n: before[n] for n in names}), _json(change.table, {n: after[n] for n in names})


def _json(table: sa.Table, values: dict[str, Any]) -> str:
    forms = _forms(table)
    return encode({name: forms[name](value) if name in forms else value for name, value in values.items() if value is not None}).decode()


@lru_cache(maxsize=512)
def _forms(table: sa.Table) -> Mapping[str, Callable[[Any], Any]]:
    """Conversions of the columns whose values are not written as they are."""
    forms: dict[str, Callable[[Any], Any]] = {}
    for column in table.columns:
        sensitivity = column.info.get("sensitivity")
        if sensitivity is not None:
            forms[column.name] = partial(_hidden, _HIDDEN[sensitivity])
        elif isinstance(column.type, sa.JSON):
            forms[column.name] = _raw
    return forms


def _hidden(label: str, value: Any) -> str:
    del value
    return label


def _raw(value: Any) -> Any:
    return msgspec.Raw(value.encode()) if isinstance(value, str) else value
