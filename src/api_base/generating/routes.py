"""What generated messages add to a context: a handler in its declaration, and a function in its `routes.py`."""

from collections.abc import Sequence
from typing import Final

from api_base.core.shared.naming import words
from api_base.generating.declaration import DeclaredResource
from api_base.generating.rendering import TEMPLATES, rendered
from api_base.generating.staging import Edit, Staging
from api_base.generating.syntax_tree import before_return, declared, imported, with_keyword

CONTEXT: Final = "CONTEXT"
"""The name of a context in its package."""


def add_handler(staging: Staging, resource: DeclaredResource, module: str, message: str, arguments: str) -> None:
    """Register the handler of `message`, which stand in `module` of the context. `arguments` is the code of what the handler is made of."""
    within = f"{resource.package}.{resource.context}.{module}"
    staging.edit(
        context_file(resource),
        imported("api_base", "on"),
        imported(within, message),
        imported(within, f"{message}Handler"),
        declared(CONTEXT, "handlers", f"on({message}, {message}Handler({arguments}))"),
    )


def add_route(staging: Staging, resource: DeclaredResource, function: str, code: str, edits: Sequence[Edit]) -> None:
    """Add the code of the route `function` to the routes of the resource, after `edits` of the module, and the routes to its context."""
    file = f"src/{resource.package}/{resource.context}/routes.py"
    if not staging.exists(file):
        values = {"many": words(resource.context), "path": resource.path, "context": resource.context}
        staging.write_new(file, rendered(TEMPLATES / "routes.template", **values))
    staging.edit(file, *edits, before_return("routes", function, code))
    staging.edit(
        context_file(resource),
        imported(f"{resource.package}.{resource.context}.routes", "routes"),
        with_keyword(CONTEXT, "routes", "routes"),
    )


def context_file(resource: DeclaredResource) -> str:
    """Return the module that declares the context of the resource."""
    return f"src/{resource.package}/{resource.context}/__init__.py"
