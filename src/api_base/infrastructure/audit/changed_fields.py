"""What a change did to a row: its changed fields before and after, as JSON text. Secret and personal values never show."""

from typing import Any, Final

import msgspec
import sqlalchemy as sa

from api_base.infrastructure.db.changes import Change, Kind

_encode = msgspec.json.Encoder(enc_hook=str).encode
_HIDDEN: Final = {"secret": "[secret]", "personal": "[personal]"}


def changed_fields(change: Change) -> tuple[str | None, str | None]:
    """JSON of the fields before and after; None where there is no before (an insert) or no after (a delete)."""
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
    shown = {name: _shown(table.columns[name], value) for name, value in values.items() if value is not None}
    return _encode(shown).decode()


def _shown(column: sa.Column[Any], value: Any) -> Any:
    sensitivity = column.info.get("sensitivity")
    if sensitivity is not None:
        return _HIDDEN[sensitivity]
    if isinstance(column.type, sa.JSON) and isinstance(value, str):
        return msgspec.Raw(value.encode())
    return value
