"""Compare two versions of an event schema: within a version, only optional fields may be added.

Readers of stored events meet old events with the new schema; readers with the old schema meet new events.
"""

from collections.abc import Iterator, Mapping
from typing import Any

type Schema = Mapping[str, Any]


class IncompatibleError(Exception):
    """The schema of an event has changed incompatibly within its version."""


def check(before: Schema, now: Schema) -> None:
    """Raise `IncompatibleError` with all incompatible changes from `before` to `now`, and with what to do."""
    if found := list(_found(before, now)):
        raise IncompatibleError(f"{now['$id']}: {'; '.join(found)}. Restore this version, and add a .v2 beside it.")


def _found(before: Schema, now: Schema) -> Iterator[str]:
    old, new = before["properties"], now["properties"]
    for name in old:
        if name not in new:
            yield f"the field {name} was removed or renamed"
        elif _type(old[name]) != _type(new[name]):
            yield f"the field {name} has another type"
        elif name in before["required"] and name not in now["required"]:
            yield f"the field {name} became optional"
    for name in now["required"]:
        if name not in old:
            yield f"the new field {name} has no default, and stored events lack it"
        elif name not in before["required"]:
            yield f"the field {name} became required, and stored events may lack it"


def _type(schema: Schema) -> Mapping[str, Any]:
    """The type of a field, without its description."""
    return {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
