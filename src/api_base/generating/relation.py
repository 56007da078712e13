"""`api-base generate relation`: pairs of a resource and users, who vote for it or follow it, or of two resources, with their routes and tests."""

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import in_path, with_article, words
from api_base.generating.declaration import DeclaredResource, declared_resource
from api_base.generating.names import ResourceName, class_name, relation_name
from api_base.generating.owner import Owner
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.routes import CONTEXT, add_handler, add_route, context_file
from api_base.generating.staging import Staging
from api_base.generating.syntax_tree import declared, imported

_TEMPLATES = TEMPLATES / "relation"
_SUMMARIES = {"Put": "Add me to", "Drop": "Take me out of", "Has": "Tell whether I am among"}


def add_relation(staging: Staging, context: str, name: str, to: str | None = None) -> bool:
    """Write the relation `name`, in the plural, between the resources of a context and users, or the resources of the context `to`.

    Returns whether its revision is still to be written. Raises `ConfigurationError`.
    """
    resource, relation = _resource(staging, context), relation_name(name)
    if to is None and (staging.folder / f"src/{resource.package}/{name}").is_dir():
        raise ConfigurationError(
            f"{name} is a context. Pass --to {name} for pairs of its resources, or choose another name for a relation with users."
        )
    if to == context:
        raise ConfigurationError(f"Relations of {context} with themselves are not generated. Write it by hand, by relation_table.")
    module = f"src/{resource.package}/{resource.context}/{relation.plural}.py"
    new = not staging.exists(module)
    if to is None:
        _with_users(staging, module, resource, relation)
    else:
        _with_resources(staging, module, resource, relation, _resource(staging, to))
    return new


def _resource(staging: Staging, context: str) -> DeclaredResource:
    resource = declared_resource(staging, context)
    if resource.owner is not Owner.TENANT:
        raise ConfigurationError(f"Relations are within a tenant, and a {resource.cls} has no tenant_id. Write it by hand.")
    if "RestorableResource" not in resource.code:
        raise ConfigurationError(f"Relations are generated for what can be restored, and a {resource.cls} cannot. Write it by hand.")
    return resource


def _with_users(staging: Staging, module: str, resource: DeclaredResource, relation: ResourceName) -> None:
    end = f"{in_path(relation.plural)}/me"
    values = {**_values(resource, relation), "relation": relation.constant, "one": relation.cls, "end": end}
    staging.write_new(module, rendered(_TEMPLATES / "relation.template", **values))
    staging.write_new(f"tests/test_{relation.plural}.py", rendered(_TEMPLATES / "test.template", **values))
    within = _add_table(staging, resource, relation, relation.constant)
    for verb, method, answer in (("Put", "put", "None"), ("Drop", "delete", "None"), ("Has", "get", "bool")):
        message, function = f"{verb}{relation.cls}", f"{verb.lower()}_{relation.singular}"
        add_handler(staging, resource, relation.plural, message, "ports")
        code = rendered(
            _TEMPLATES / "route.template",
            method=method,
            end=end,
            status="" if verb == "Has" else "status_code=204, ",
            summary=f"{_SUMMARIES[verb]} the {words(relation.plural)} of {with_article(resource.singular)}",
            function=function,
            answer=answer,
            returned="return " if verb == "Has" else "",
            message=message,
        )
        add_route(staging, resource, function, code, [imported(within, message), imported("uuid", "UUID")])


def _with_resources(staging: Staging, module: str, resource: DeclaredResource, relation: ResourceName, other: DeclaredResource) -> None:
    column, end = f"{relation.singular}_id", in_path(relation.plural)
    one, several = (class_name(f"{resource.singular}_{name}") for name in (relation.singular, relation.plural))
    values = {
        **_values(resource, relation),
        "relation": f"{resource.singular}_{relation.plural}".upper(),
        "one": one,
        "several": several,
        "end": end,
        "end_column": column,
        "other_module": other.module,
        "other_constant": other.constant,
        "other_dto": other.dto,
        "other_context": other.context,
        "other_singular": other.singular,
        "other_path": other.path,
        "an_other": with_article(other.singular),
    }
    staging.write_new(module, rendered(_TEMPLATES / "relation_of_resources.template", **values))
    test = f"tests/test_{resource.singular}_{relation.plural}.py"
    staging.write_new(test, rendered(_TEMPLATES / "test_of_resources.template", **values))
    within = _add_table(staging, resource, relation, values["relation"])
    staging.edit(context_file(resource), declared(CONTEXT, "requires", f'"{other.context}"'))
    added, whole = with_article(relation.singular), with_article(resource.singular)
    for verb, method, name, summary in (
        ("list", "get", relation.plural, f"List the {words(relation.plural)} of {whole}"),
        ("put", "put", relation.singular, f"Add {added} to {whole}"),
        ("drop", "delete", relation.singular, f"Remove {added} from {whole}"),
    ):
        listed, function = verb == "list", f"{verb}_{resource.singular}_{name}"
        code = rendered(
            _TEMPLATES / "route_of_resources.template",
            method=method,
            end=end if listed else f"{end}/{{{column}}}",
            status="" if listed else "status_code=204, ",
            summary=summary,
            function=function,
            parameters="id: UUID" if listed else f"id: UUID, {column}: UUID",
            answer=f"Page[{other.dto}]" if listed else "None",
            returned="return " if listed else "",
            message=class_name(function),
            passed="id=id" if listed else f"id=id, {column}={column}",
        )
        add_handler(staging, resource, relation.plural, class_name(function), "ports")
        of_page = [imported("api_base", "Page"), imported(other.module, other.dto)] if listed else []
        add_route(staging, resource, function, code, [imported(within, class_name(function)), imported("uuid", "UUID"), *of_page])


def _add_table(staging: Staging, resource: DeclaredResource, relation: ResourceName, constant: str) -> str:
    """Add the table of the relation to the context. Returns the module that declares it."""
    module = f"{resource.package}.{resource.context}.{relation.plural}"
    staging.edit(context_file(resource), imported(module, constant), declared(CONTEXT, "tables", constant))
    return module


def _values(resource: DeclaredResource, relation: ResourceName) -> dict[str, str]:
    return {
        "title": words(relation.plural).capitalize(),
        "many": words(resource.context),
        "context": resource.context,
        "module": resource.module,
        "constant": resource.constant,
        "singular": resource.singular,
        "of": words(resource.singular),
        "path": resource.path,
        "table": f"{resource.singular}_{relation.plural}",
        "words": words(relation.plural),
        "a_resource": with_article(resource.singular),
    }
