"""`api-base generate subscriber`: a durable subscription of a context to an event of another one, with the fields that the event has."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from api_base.core.base import DomainEvent
from api_base.core.errors import ConfigurationError
from api_base.generating.names import identifier
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.staging import Staging
from api_base.generating.syntax_tree import declared, imported

_TYPES: Final[Mapping[Any, tuple[str, str, str]]] = {
    str: ("str", '"Example"', ""),
    int: ("int", "1", ""),
    bool: ("bool", "True", ""),
    UUID: ("UUID", "uuid4()", ""),
    date: ("date", "date(2026, 1, 31)", "from datetime import date"),
    datetime: ("datetime", "datetime(2026, 1, 31, tzinfo=UTC)", "from datetime import datetime"),
}
"""The type, an example, and the import of what a payload may have."""


def add_subscriber(staging: Staging, context: str, event: type[DomainEvent]) -> None:
    """Write a subscription of `context` to `event`. Raises `ConfigurationError` for a context that the project does not have."""
    folder = f"src/{staging.package}/{identifier(context, 'a context')}"
    if not staging.exists(f"{folder}/__init__.py"):
        raise ConfigurationError(f"{folder} is no context. Run: api-base generate resource {context} FIELD:TYPE…")
    subject, action, _ = event.name.split(".", 2)
    name = f"on_{identifier(subject, 'a context')}_{action}"
    payload = {one: _TYPES[kind] for one, kind in _plain_fields(event).items()}
    values = {
        "package": staging.package,
        "context": context,
        "event": event.name,
        "name": name,
        "constant": name.upper(),
        "cls": event.__name__,
        "imports": "\n".join(sorted({one[2] for one in payload.values() if one[2]})),
        "fields": "".join(f"    {one}: {kind}\n" for one, (kind, _, _) in payload.items()),
        "values": "".join(f", {one}={example}" for one, (_, example, _) in payload.items() if one != "aggregate_id"),
    }
    templates = TEMPLATES / "subscriber"
    staging.write_new(f"{folder}/{name}.py", rendered(templates / "subscriber.template", **values))
    staging.write_new(f"tests/test_{context}_{name}.py", rendered(templates / "test.template", **values))
    staging.edit(
        f"{folder}/__init__.py",
        imported(f"{staging.package}.{context}.{name}", name.upper()),
        declared("CONTEXT", "subscribers", name.upper()),
    )


def event_named(name: str, published: Mapping[str, type[DomainEvent]]) -> type[DomainEvent]:
    """Return the event of this name. Raises `ConfigurationError` with the names that exist."""
    if name not in published:
        raise ConfigurationError(f"No context publishes {name!r}. Choose from {', '.join(sorted(published))}.")
    return published[name]


def _plain_fields(event: type[DomainEvent]) -> dict[str, Any]:
    """Return the types of the fields that are plain values and always there; those of enumerations and lists are left out."""
    hints = get_type_hints(event)
    kinds = {one.name: _kind(hints[one.name]) for one in fields(event)}
    return {name: kind for name, kind in kinds.items() if kind in _TYPES}


def _kind(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        return NoneType
    return getattr(hint, "__supertype__", hint)
