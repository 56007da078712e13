"""Whether readers of an event's schema can go on reading: within a version fields are only added, and may be absent.

Who reads the kept events meets those of before; who was written before meets those of now.
"""

from collections.abc import Iterator, Mapping
from typing import Any

type Schema = Mapping[str, Any]


class IncompatibleError(Exception):
    """An event has changed within its version."""


def check(before: Schema, now: Schema) -> None:
    """Raises `IncompatibleError` with everything that readers of `before` would stumble over in `now`, and with what to do."""
    if found := list(_found(before, now)):
        raise IncompatibleError(f"{now['$id']}: {'; '.join(found)}. Leave the version as it was, and make a .v2 beside it.")


def _found(before: Schema, now: Schema) -> Iterator[str]:
    old, new = before["properties"], now["properties"]
    for name in old:
        if name not in new:
            yield f"the field {name} is gone or has another name"
        elif _type(old[name]) != _type(new[name]):
            yield f"the field {name} has another type"
        elif name in before["required"] and name not in now["required"]:
            yield f"the field {name} may be absent now"
    for name in now["required"]:
        if name not in old:
            yield f"the new field {name} has no default, and the kept events do not have it"
        elif name not in before["required"]:
            yield f"the field {name} may not be absent any more, and in kept events it is"
    if before.get("$defs") != now.get("$defs"):
        yield "a type within it is another one"


def _type(schema: Schema) -> Mapping[str, Any]:
    """Words about a field are no part of its type."""
    return {key: value for key, value in schema.items() if key not in ("title", "description", "default")}
