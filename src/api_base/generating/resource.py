"""`api-base generate resource`: a plain resource by `crud`, with its test, and its place in the list of contexts."""

from collections.abc import Sequence

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import with_article, words
from api_base.generating.explicit import EXPLICIT, explicit_values, refuse_explicit
from api_base.generating.field_types import FieldSpec
from api_base.generating.names import ResourceName
from api_base.generating.owner import Owner
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.staging import Staging
from api_base.generating.syntax_tree import appended, imported

_ATTRIBUTES = {Owner.TENANT: "    tenant_id: TenantId\n", Owner.USER: "    user_id: UserId\n", Owner.NONE: ""}
_PLAIN = {"__init__": "context.template"}
_RESTORED = """
    assert (await ana.client.post(f"{path}/restore")).status_code == 200
    assert (await ana.client.get(path)).status_code == 200"""
_WHOSE = {Owner.TENANT: "of a tenant", Owner.USER: "of a user", Owner.NONE: "which all tenants share"}


def add_resource(
    staging: Staging, name: ResourceName, fields: Sequence[FieldSpec], owner: Owner, key: str | None = None, *, explicit: bool = False
) -> bool:
    """Write the resource, which paths name by its field `key`, if any, into `staging`. Returns whether its revision is still to be written.

    `explicit`: its messages, handlers and routes are written out. Raises `ConfigurationError`.
    """
    if explicit:
        refuse_explicit(name, fields, owner, key)
    folder = f"src/{staging.package}/{name.plural}"
    declaration = f"{folder}/{name.singular}.py"
    values = _values(staging.package, name, fields, owner, key, explicit=explicit)
    templates = TEMPLATES / "resource"
    new = not staging.exists(folder)
    if not new and not staging.exists(declaration):
        raise ConfigurationError(f"{folder} exists and is no resource. Nothing was changed. Choose another name.")
    form = "explicit_" if explicit else ""
    staging.write_new(declaration, rendered(templates / f"{form}declaration.template", **values))
    modules = EXPLICIT if explicit else _PLAIN
    for module, template in modules.items() if new else ():
        staging.write_new(f"{folder}/{module}.py", rendered(templates / template, **values))
    staging.write_new(f"tests/test_{name.plural}.py", rendered(templates / f"test_of_{owner}.template", **values))
    staging.edit(
        staging.contexts_file,
        imported(f"{staging.package}.{name.plural}", "CONTEXT", name.constant),
        appended(staging.contexts_name, name.constant),
    )
    return not staging.exists(f"{folder}/migrations")


def _values(
    package: str, name: ResourceName, fields: Sequence[FieldSpec], owner: Owner, key: str | None, *, explicit: bool
) -> dict[str, str]:
    required = [one for one in fields if not one.nullable]
    if not required:
        raise ConfigurationError(f"Every field of {name.cls} may be null, so a {words(name.singular)} may be empty. Remove one of the ?.")
    types = [one.type for one in fields]
    base, owned_by = "RestorableResource", {Owner.TENANT: ["TenantId"], Owner.USER: ["UserId"], Owner.NONE: []}[owner]
    public = sorted({"ResourceDTO", base, "crud", *owned_by, *(one for type in types for one in type.public)})
    imports = sorted({"from dataclasses import dataclass", *(one for type in types for one in type.imports)})
    changing = fields[0]
    made = required
    values = {
        "package": package,
        "plural": name.plural,
        "singular": name.singular,
        "words": words(name.plural),
        "title": words(name.plural).capitalize(),
        "a_word": with_article(name.singular),
        "word": words(name.singular),
        "whose": _WHOSE[owner],
        "cls": name.cls,
        "constant": name.constant,
        "path": name.path,
        "imports": "\n".join(imports),
        "public": ", ".join(public),
        "enumerations": "".join(f"{one.enumeration}\n\n" for one in fields if one.choices),
        "attributes": _ATTRIBUTES[owner] + "".join(f"    {one.line}\n" for one in fields),
        "shown": "".join(f"    {one.shown_line}\n" for one in fields),
        "filters": _tuple([one.name for one in fields if one.type.filtered] + ["created_at"]),
        "sorts": _tuple([one.name for one in fields if one.type.sorted] + ["created_at"]),
        "search": _search(fields) if owner is Owner.TENANT else "",
        "key": "" if key is None else f', key="{key}"{", imports=True" * (owner is Owner.TENANT)}',
        "named_by": key or "id",
        "body": "{" + ", ".join(f'"{one.name}": {one.type.sent}' for one in fields) + "}",
        "changes": f'{{"{changing.name}": {changing.type.changed}}}',
        "field": changing.name,
        "first": required[0].name,
        "made": ", ".join(f'"{one.name}": {one.type.made}' for one in made),
        "made_imports": _made_imports(package, name, made),
        "and_restore": "" if explicit else "_and_restore",
        "and_restores": "" if explicit else "_and_restores",
        "and_restored": "" if explicit else " and restored",
        "after_deletion": "" if explicit else _RESTORED,
    }
    return values | (explicit_values(name, fields, owner) if explicit else {})


def _search(fields: Sequence[FieldSpec]) -> str:
    """Return the argument for text search: the first text that is never null is the title."""
    found = [one.name for one in fields if one.type.searched]
    title = next((one.name for one in fields if one.type.searched and not one.nullable), None)
    return "" if title is None else f", search={_tuple([title, *(one for one in found if one != title)])}"


def _made_imports(package: str, name: ResourceName, made: Sequence[FieldSpec]) -> str:
    """Return the imports of the values of Python that a test makes."""
    enumerations = sorted(one.type.annotation for one in made if one.choices)
    public = ["Money"] if any(one.type.annotation == "Money" for one in made) else []
    lines = sorted({line for one in made for line in one.type.imports if not line.startswith(("from enum", "from typing"))})
    if any("UTC" in one.type.made for one in made):
        lines.append("from datetime import UTC")
    return "\n".join(
        [
            *lines,
            f"from api_base import {', '.join(['PLATFORM_ADMIN', 'StaleVersion', *public])}",
            f"from {package}.{name.plural}.{name.singular} import {', '.join([name.constant, *enumerations])}",
        ]
    )


def _tuple(names: Sequence[str]) -> str:
    return "(" + ", ".join(f'"{one}"' for one in names) + "," * (len(names) == 1) + ")"
