"""The table of a plain resource, from its attributes, so that each is written once."""

from typing import Any, Final

import sqlalchemy as sa

from api_base.core.errors import ProgrammingError
from api_base.domain.common.attributes import Attribute, attributes_of
from api_base.domain.common.resource import Resource
from api_base.infrastructure.db.schema import system_owned, tenant_owned, user_owned
from api_base.infrastructure.db.stored_types import Converters, converter_of

DECLARES_FOR_ITS_CALLERS: Final = True
_LAST: Final = ("version", "created_at", "updated_at", "deleted_at")


def resource_table(
    cls: type[Resource],
    name: str,
    *parts: sa.schema.SchemaItem,
    converters: Converters | None = None,
    public: str | None = None,
    own: str | None = None,
) -> sa.Table:
    """Return the table `name` of `cls`, owned by the tenant in `tenant_id`, or the user in `user_id`, or the system. `parts` are constraints.

    An attribute of a type that no converter stores has no column: `aggregate_mapping` refuses it. `public` and `own` are those of `tenant_owned`.
    Raises `ProgrammingError` for them where the rows belong to no tenant.
    """
    attributes = attributes_of(cls)
    owner = next((one for one in ("tenant_id", "user_id") if one in attributes), None)
    keys = ["id"] if owner is None else [owner, "id"]
    names = [*keys, *(one for one in attributes if one not in (*keys, *_LAST)), *(one for one in _LAST if one in attributes)]
    columns = [column for one in names for column in _columns(attributes[one], converters or {}, key=one in keys)]
    if owner == "tenant_id":
        return tenant_owned(name, sa.MetaData(), *columns, *parts, public=public, own=own)
    if public is not None:
        raise ProgrammingError(
            f"The rows of {name!r} belong to no tenant, so public={public!r} shows none. Add tenant_id to {cls.__name__}."
        )
    declare = system_owned if owner is None else user_owned
    return declare(name, sa.MetaData(), *columns, *parts)


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
