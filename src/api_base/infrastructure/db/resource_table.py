"""The table of a plain resource, from its attributes, so that each is written once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from api_base.core.errors import ProgrammingError, Taken
from api_base.domain.common.attributes import Attribute, attributes_of
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.infrastructure.db.aggregate_mapping import entity_name
from api_base.infrastructure.db.schema import (
    DeclaredTable,
    Ownership,
    owner_column,
    ownership,
    system_owned,
    tenant_owned,
    unique_name,
    user_owned,
)
from api_base.infrastructure.db.stored_types import Converters, converter_of

DECLARES_FOR_ITS_CALLERS: Final = True
_LAST: Final = ("version", "created_at", "updated_at", "deleted_at")


def resource_table(
    cls: type[Resource],
    name: str,
    *parts: sa.schema.SchemaItem,
    converters: Converters | None = None,
    unique: Sequence[str] = (),
    public: str | None = None,
    own: str | None = None,
    visitors_write: bool = False,
) -> sa.Table:
    """Return the table `name` of `cls`, owned by the tenant in `tenant_id`, or the user in `user_id`, or the system. `parts` are constraints.

    `unique` names attributes whose values are unique among the rows of an owner. An attribute of a type that no converter stores has no column:
    `aggregate_mapping` refuses it. `public`, `own` and `visitors_write` are those of `tenant_owned`. Raises `ProgrammingError` for them where the rows belong to no tenant.
    """
    attributes = attributes_of(cls)
    owner = next((one for one in ("tenant_id", "user_id") if one in attributes), None)
    keys = ["id"] if owner is None else [owner, "id"]
    names = [*keys, *(one for one in attributes if one not in (*keys, *_LAST)), *(one for one in _LAST if one in attributes)]
    columns = [column for one in names for column in _columns(attributes[one], converters or {}, key=one in keys)]
    kept = [
        sa.UniqueConstraint(*([owner] if owner else []), one, name=unique_name(name, owner, one)) for one in unique if one in attributes
    ]
    if owner == "tenant_id":
        return tenant_owned(name, sa.MetaData(), *columns, *kept, *parts, public=public, own=own, visitors_write=visitors_write)
    if public is not None or own is not None or visitors_write:
        raise ProgrammingError(
            f"The rows of {name!r} belong to no tenant, so public=, own= and visitors_write= concern none. Add tenant_id to {cls.__name__}."
        )
    declare = system_owned if owner is None else user_owned
    return declare(name, sa.MetaData(), *columns, *kept, *parts)


def taken_errors[T: Resource](cls: type[T], name: str, table: DeclaredTable) -> Mapping[str, Callable[[T], Exception]]:
    """Return the error of a resource whose value of the attribute `name` another one of its owner has, by the name of the constraint."""
    among = {Ownership.TENANT: " within the tenant", Ownership.USER: " among those of the user", Ownership.SYSTEM: ""}[ownership(table)]
    other = f"another {entity_name(cls).replace('_', ' ')}{', possibly deleted,' if issubclass(cls, RestorableResource) else ''}"

    def taken(resource: T) -> Exception:
        return Taken(name, repr(getattr(resource, name)), other, among)

    return {unique_name(table.name, owner_column(table), name): taken}


def _columns(attribute: Attribute, converters: Converters, *, key: bool) -> list[sa.Column[Any]]:
    converter = converter_of(attribute, converters)
    if converter is None:
        return []
    return [
        sa.Column(f"{attribute.name}{part.suffix}", _sized(attribute, part.type), primary_key=key, nullable=attribute.nullable)
        for part in converter.parts
    ]


def _sized(attribute: Attribute, kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    return sa.Integer() if attribute.name == "version" else kind
