"""`api-base generate resource --explicit`: the messages, handlers and routes of a resource, written out instead of made by `crud`."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import camel
from api_base.generating.field_types import FieldSpec
from api_base.generating.names import ResourceName
from api_base.generating.owner import Owner

EXPLICIT: Final[Mapping[str, str]] = {
    "messages": "explicit_messages.template", "routes": "explicit_routes.template", "__init__": "explicit_context.template",
}  # fmt: skip
"""The modules beside that of the class, with their templates."""
_TABLES: Final = ("Resource", "ResourceDTO", "aggregate_mapping", "resource_fields", "resource_table")
_MESSAGES: Final = (
    "ADMINS", "AUTHENTICATED", "Create", "CreateResource", "Delete", "DeleteResource", "GetById", "GetResource", "ListOf", "ListResources", "MEMBERS", "Ports",
    "Registration", "SqlRepository", "Update", "UpdateResource", "VIEWERS", "dto_of", "of_tenant", "of_user", "on", "request_tenant", "request_user",
)  # fmt: skip
_ROUTES: Final = (
    "UNSENT", "Bus", "ExpectedVersion", "ListQuery", "ListRequest", "Page", "PricePatchBody", "Price", "ResourceBody", "RouteOptions", "Router", "UtcTime",
)  # fmt: skip


def refuse_explicit(name: ResourceName, fields: Sequence[FieldSpec], owner: Owner, key: str | None) -> None:
    """Raise `ConfigurationError` for options that the explicit form does not have, and for names that its bodies cannot have."""
    if name.cls in {*_TABLES, *_MESSAGES}:
        raise ConfigurationError(f"{name.cls} is the name of a part that the resource is written with. Pass --singular with another name.")
    if taken := next((one.name for one in fields if hasattr(BaseModel, one.name)), None):
        raise ConfigurationError(f"{taken!r} cannot be a field here: bodies of requests have a method of this name. Choose another name.")
    if owner is Owner.NONE:
        raise ConfigurationError("--explicit writes what a tenant or a user owns. Leave --explicit or --owner none out.")
    if key is not None:
        raise ConfigurationError("--explicit writes no routes by a key. Leave --explicit or --key out.")


def explicit_values(name: ResourceName, fields: Sequence[FieldSpec], owner: Owner) -> dict[str, str]:
    """Return what the templates of the explicit form need beside those of `crud`."""
    tenants = owner is Owner.TENANT
    read, write, delete = (f'"{name.plural}:{action}"' if tenants else "AUTHENTICATED" for action in ("read", "write", "delete"))
    types = [one.type for one in fields]
    owned_by = "TenantId" if tenants else "UserId"
    return {
        "public": ", ".join(sorted({*_TABLES, owned_by, *(public for one in types for public in one.public)})),
        "message_public": ", ".join(_MESSAGES),
        "route_public": ", ".join(_ROUTES),
        "route_imports": "\n".join(
            sorted({"from typing import Annotated", "from uuid import UUID", *(line for one in types for line in one.imports)})
        ),
        "route_enumerations": "".join(f", {one.type.annotation}" for one in fields if one.choices),
        "example": "{" + ", ".join(f'"{one.name}": {one.type.sent}' for one in fields if not one.nullable) + "}",
        "many": camel(f"_{name.plural}"),
        "owner": owner.value,
        "roles": f"ROLES = {{{read}: VIEWERS, {write}: MEMBERS, {delete}: ADMINS}}\n" if tenants else "",
        "roles_name": "ROLES, " * tenants,
        "permissions": "    permissions=ROLES,\n" * tenants,
        "read": read,
        "write": write,
        "delete": delete,
        "created": "".join(f"    {one.name}: {one.type.body or one.type.shown}{' | None = None' * one.nullable}\n" for one in fields),
        "patched": "".join(f"    {_patched(one)}\n" for one in fields),
    }


def _patched(one: FieldSpec) -> str:
    kind = one.type.patched or one.type.body or one.type.shown
    return f"{one.name}: {kind}{' | None' * one.nullable} = {'None' if one.nullable else 'UNSENT'}"
