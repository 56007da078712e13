"""`api-base generate relation`: which users vote for a resource, follow it, or the like, with its routes and its test."""

from api_base.core.errors import ConfigurationError
from api_base.core.shared.naming import in_path, with_article, words
from api_base.generating.declaration import DeclaredResource, declared_resource
from api_base.generating.names import ResourceName, relation_name
from api_base.generating.owner import Owner
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.routes import CONTEXT, add_handler, add_route, context_file
from api_base.generating.staging import Staging
from api_base.generating.syntax_tree import declared, imported

_TEMPLATES = TEMPLATES / "relation"
_SUMMARIES = {"Put": "Add me to", "Drop": "Take me out of", "Has": "Tell whether I am among"}


def add_relation(staging: Staging, context: str, name: str) -> bool:
    """Write the relation `name`, in the plural, between the resources of a context and users.

    Returns whether its revision is still to be written. Raises `ConfigurationError`.
    """
    resource, relation = declared_resource(staging, context), relation_name(name)
    if resource.owner is not Owner.TENANT:
        raise ConfigurationError(f"Relations are within a tenant, and a {resource.cls} has no tenant_id. Write it by hand.")
    if "RestorableResource" not in resource.code:
        raise ConfigurationError(f"Relations are generated for what can be restored, and a {resource.cls} cannot. Write it by hand.")
    module = f"src/{resource.package}/{resource.context}/{relation.plural}.py"
    new, values = not staging.exists(module), _values(resource, relation)
    staging.write_new(module, rendered(_TEMPLATES / "relation.template", **values))
    staging.write_new(f"tests/test_{relation.plural}.py", rendered(_TEMPLATES / "test.template", **values))
    _register(staging, resource, relation)
    return new


def _register(staging: Staging, resource: DeclaredResource, relation: ResourceName) -> None:
    module = f"{resource.package}.{resource.context}.{relation.plural}"
    table = relation.plural.upper()
    staging.edit(context_file(resource), imported(module, table), declared(CONTEXT, "tables", table))
    for verb, method, answer in (("Put", "put", "None"), ("Drop", "delete", "None"), ("Has", "get", "bool")):
        message = f"{verb}{relation.cls}"
        add_handler(staging, resource, relation.plural, message, "ports")
        function = f"{verb.lower()}_{relation.singular}"
        code = rendered(
            _TEMPLATES / "route.template",
            method=method,
            end=_end(relation),
            status="" if verb == "Has" else "status_code=204, ",
            summary=f"{_SUMMARIES[verb]} the {words(relation.plural)} of {with_article(resource.singular)}",
            function=function,
            answer=answer,
            returned="return " if verb == "Has" else "",
            message=message,
        )
        add_route(staging, resource, function, code, [imported(module, message), imported("uuid", "UUID")])


def _end(relation: ResourceName) -> str:
    return f"{in_path(relation.plural)}/me"


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
        "relation": relation.plural.upper(),
        "table": f"{resource.singular}_{relation.plural}",
        "one": relation.cls,
        "words": words(relation.plural),
        "a_resource": with_article(resource.singular),
        "end": _end(relation),
    }
