"""`api-base generate command|query|job`: a message on a plain resource, its handler, its route and its test, in the context of the resource."""

from collections.abc import Sequence

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import in_path, words
from api_base.generating.declaration import DeclaredResource, NamedField, declared_resource
from api_base.generating.names import class_name, identifier
from api_base.generating.owner import Owner
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.routes import CONTEXT, add_handler, add_route, context_file
from api_base.generating.staging import Edit, Staging
from api_base.generating.syntax_tree import appended_class, declared, imported

_TEMPLATES = TEMPLATES / "message"


def add_command(staging: Staging, context: str, name: str, fields: Sequence[str]) -> None:
    """Write a command that changes fields of one resource, at the version that the caller read. Raises `ConfigurationError`."""
    resource = _resource_of_somebody(staging, context)
    values = _write(staging, "command", resource, name, resource.fields(fields))
    add_handler(staging, resource, name, values["cls_of_message"], f"{resource.constant}.repository(ports.database), ports.clock")
    _route(staging, resource, name, values, "command", body=True)


def add_query(staging: Staging, context: str, name: str, fields: Sequence[str]) -> None:
    """Write a query for the newest resources of a tenant with certain values. Raises `ConfigurationError`."""
    resource = declared_resource(staging, context)
    if resource.owner is not Owner.TENANT:
        raise ConfigurationError(f"Queries are generated for what tenants own, and a {resource.cls} has no tenant_id. Write it by hand.")
    named = resource.fields(fields)
    if unfit := next((one.name for one in named if one.nullable or one.is_money), None):
        raise ConfigurationError(
            f"The field {unfit!r} of {resource.cls} may be null, or is money: a query compares others. Write it by hand."
        )
    values = _write(staging, "query", resource, name, named)
    add_handler(staging, resource, name, values["cls_of_message"], "ports.database")
    _route(staging, resource, name, values, "query", body=False)


def add_job(staging: Staging, context: str, name: str, fields: Sequence[str]) -> None:
    """Write a command that a worker executes later, and the one that requests it. Raises `ConfigurationError`."""
    resource = _resource_of_somebody(staging, context)
    values = _write(staging, "job", resource, name, resource.fields(fields))
    cls, repository = values["cls_of_message"], f"{resource.constant}.repository(ports.database)"
    add_handler(staging, resource, name, cls, f"{repository}, ports.clock")
    add_handler(staging, resource, name, f"Request{cls}", f"{repository}, ports.jobs")
    job = f'Job(name="{context}.{name}", message={cls})'
    staging.edit(
        context_file(resource),
        imported("api_base", "Job"),
        declared(CONTEXT, "jobs", job),
    )
    _route(staging, resource, name, values, "job", body=True)


def _resource_of_somebody(staging: Staging, context: str) -> DeclaredResource:
    resource = declared_resource(staging, context)
    if resource.owner is Owner.NONE:
        raise ConfigurationError(
            f"Commands are generated for what tenants or users own; a {resource.cls} is everybody's, and administrators of the platform change it. "
            "Write it by hand."
        )
    return resource


def _write(staging: Staging, kind: str, resource: DeclaredResource, name: str, fields: Sequence[NamedField]) -> dict[str, str]:
    """Write the module of the message and its test."""
    identifier(name, f"a {kind}")
    values = _values(resource, name, fields)
    staging.write_new(f"src/{resource.package}/{resource.context}/{name}.py", rendered(_TEMPLATES / f"{kind}.template", **values))
    test = _TEMPLATES / f"test_of_{kind}.template"
    refused = "" if kind == "query" else rendered(_TEMPLATES / f"refused_to_{resource.owner}.template", **values)
    staging.write_new(f"tests/test_{name}.py", rendered(test, **values, refused=refused))
    return values


def _route(staging: Staging, resource: DeclaredResource, name: str, values: dict[str, str], kind: str, *, body: bool) -> None:
    code = rendered(_TEMPLATES / f"route_of_{kind}.template", **values)
    statements = [line.split(" import ") for line in values["route_imports"].splitlines()]
    imports = [imported(module.removeprefix("from "), one) for module, one in statements]
    public = {"command": ("ExpectedVersion", "RouteOptions"), "query": ("Page",), "job": ("RouteOptions",)}[kind]
    messages = {
        "command": (class_name(name),),
        "query": (class_name(name),),
        "job": (f"Request{class_name(name)}", f"{class_name(name)}Started"),
    }[kind]
    edits: list[Edit] = [
        *imports,
        *(imported("api_base", one) for one in public),
        *(imported(f"{resource.package}.{resource.context}.{name}", one) for one in messages),
        *([imported(resource.module, resource.dto)] if kind != "job" else []),
        *([imported("pydantic", "BaseModel"), appended_class(f"{class_name(name)}Body", values["body"])] if body else []),
        *([imported("uuid", "UUID")] if body else []),
    ]
    add_route(staging, resource, name, code, edits)


def _values(resource: DeclaredResource, name: str, fields: Sequence[NamedField]) -> dict[str, str]:
    imports = sorted({line for one in fields for line in one.imports})
    enumerations = sorted(line for line in imports if line.startswith(f"from {resource.module}"))
    body = "".join(f"    {one.name}: {one.shown}{one.optional}\n" for one in fields)
    end = name.removesuffix(f"_{resource.singular}").removesuffix(f"_{resource.context}")
    return {
        "package": resource.package,
        "context": resource.context,
        "module": resource.module,
        "constant": resource.constant,
        "cls": resource.cls,
        "dto": resource.dto,
        "singular": resource.singular,
        "word": words(resource.singular),
        "many": words(resource.context),
        "path": resource.path,
        "name": name,
        "end": in_path(end),
        "of_collection": in_path(end) if resource.key is None else f"-/{in_path(end)}",
        "body_of_one": "body" if resource.key is None else f'{{**body, "{resource.key}": f"number-{{number}}"}}',
        "number": "_" if resource.key is None else "number",
        "cls_of_message": class_name(name),
        "sentence": words(name).capitalize(),
        "imports": "\n".join(["from uuid import UUID", *(one for one in imports if one not in enumerations)]),
        "route_imports": "\n".join(
            [*imports, *(["from api_base import Money", "from api_base import MoneyDTO"] if any(one.is_money for one in fields) else [])]
        ),
        "enumerations": "\n".join(enumerations),
        "money": "from api_base import Money" if any(one.is_money for one in fields) else "",
        "fields": "".join(f"    {one.name}: {one.annotation}{one.optional}\n" for one in fields),
        "body": f'class {class_name(name)}Body(BaseModel, extra="forbid", frozen=True, strict=True):\n{body}',
        "from_body": ", ".join(f"{one.name}={_sent(one)}" for one in fields),
        "parameters": ", ".join(f"{one.name}: {one.annotation}" for one in fields),
        "passed": ", ".join(f"{one.name}={one.name}" for one in fields),
        "of_command": ", ".join(f"{one.name}=command.{one.name}" for one in fields),
        "of_query": ", ".join(f"{one.name}=query.{one.name}" for one in fields),
        "conditions": ", ".join(f'table.c.{one.name} == sa.bindparam("{one.name}")' for one in fields),
        "changes": "{" + ", ".join(f'"{one.name}": {one.changed}' for one in fields) + "}",
        "names": "(" + ", ".join(f'"{one.name}"' for one in fields) + ",)",
    }


def _sent(one: NamedField) -> str:
    """Return the value of a body as the command takes it."""
    if not one.is_money:
        return f"body.{one.name}"
    money = f'Money.parse(body.{one.name}.amount, body.{one.name}.currency, "/body/{one.name}")'
    return f"None if body.{one.name} is None else {money}" if one.nullable else money
