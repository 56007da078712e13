"""Complete FastAPI's document: operation ids that make good client methods, error responses, security, headers, list parameters.

The document is served at /openapi.json and printed by `api-base openapi`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, get_origin

import msgspec
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute, iter_route_contexts

from api_base.application.common.listing import Page
from api_base.core.errors import Fault, ProgrammingError, WiringError
from api_base.core.shared.places import place_of
from api_base.interface.errors.http import RouteNotFound
from api_base.interface.errors.shape import ProblemShape
from api_base.interface.middleware.auth import AuthenticationScheme
from api_base.interface.openapi.components import (
    EXPORTS,
    HEADERS,
    OAUTH2_ERROR,
    PASSWORD,
    REPLACED,
    error_responses,
    exported,
    problem_schema,
    security_schemes,
)
from api_base.interface.openapi.operations import complete, reads_whole_query
from api_base.interface.openapi.query_operations import QUERY, query_operation
from api_base.interface.openapi.schema_names import name_bodies, rename_schemas
from api_base.interface.openapi.shapes import shape_errors
from api_base.interface.openapi.sparse_schemas import add_sparse_schemas
from api_base.interface.openapi.version_3_2 import upgrade
from api_base.interface.public_url import below, public_prefix
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.renaming import result_of
from api_base.interface.routes.router import options_of
from api_base.interface.routes.versions import API, VERSION

type Json = dict[str, Any]
type Hook = Callable[[dict[str, object]], None]
"""Changes the document when it is complete."""

DESCRIPTION: Final = (
    "Every error is a problem [RFC 9457]; its `type` resolves to a page that says what to do. Resources have a version: send the `ETag` that "
    "you read as `If-Match` to change them. Lists are paged by `cursor`. A change that is sent again with its `Idempotency-Key` is executed "
    "once. Log in at `{token_url}`."
)
LICENSE: Final = {"name": "MIT", "identifier": "MIT"}


def install(
    app: FastAPI,
    routers: Mapping[int, Sequence[tuple[str, APIRouter]]],
    *,
    version: str,
    schemes: Sequence[AuthenticationScheme],
    shapes: Mapping[str, ProblemShape] = MappingProxyType({}),
    hooks: Sequence[tuple[str, Hook]] = (),
    prefix: str = "",
    exports: bool = False,
    newest: bool = False,
    described: Callable[[Json, int], Json] = lambda document, number: document,
) -> None:
    """Make `app.openapi()` return the completed document of the newest version of the API, and `app.openapi(1)` that of version 1.

    `version` is the release, `routers` are the routers of each version of the API, with their prefixes. `schemes` are the accepted authentication schemes, `shapes` those of errors below a prefix. `hooks` are those of contexts, by name. `prefix` is the path of `SERVER__PUBLIC_URL`, `exports` whether lists can be exported; `newest`: as OpenAPI 3.2 rather than 3.1. `described` names a version as its clients do. Create `app` with
    `openapi_url=None`: otherwise FastAPI's own route comes first. Raises `ProgrammingError` for two operations with one name.
    """
    apps = {number: _app_of(app.title, of_version) for number, of_version in routers.items()}
    for number, of_version in routers.items():
        _check_names(apps[number], of_version)
    built: dict[int, Json] = {}

    def openapi(number: int = max(routers)) -> Json:
        if number not in built:
            for _, router in routers[number]:
                if isinstance(router, Router):
                    router.describe()
            with below(prefix):
                document = _document(apps[number], version, schemes, API.replace(VERSION, f"/v{number}"), exports=exports)
            document = described(document, number)
            shape_errors(document, shapes)
            if newest:
                upgrade(document)
            for context, hook in hooks:
                _call(hook, document, context)
            built[number] = document
        return built[number]

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _app_of(title: str, routers: Sequence[tuple[str, APIRouter]]) -> FastAPI:
    """Return an application that serves nothing: FastAPI describes the routes of one."""
    app = FastAPI(title=title, openapi_url=None)
    for prefix, router in routers:
        app.include_router(router, prefix=prefix)
    return app


def _check_names(app: FastAPI, routers: Sequence[tuple[str, APIRouter]]) -> None:
    names: dict[str, str] = {}
    for name, where in chain(_plain_names(app), _names(routers)):
        if name in names:
            raise ProgrammingError(f"{where} and {names[name]} have the same operation id {name}. Rename one of the endpoint functions.")
        names[name] = where


def _call(hook: Hook, document: Json, context: str) -> None:
    try:
        hook(document)
    except Exception as error:
        sentence = f"openapi of the context {context!r} failed. {type(error).__name__}: {str(error).rstrip('.')}."
        raise WiringError([Fault(place_of(hook), sentence)]) from error


def routes(app: FastAPI, versions: Sequence[int] = (1,)) -> APIRouter:
    """Serve the documents of `app`: the newest one, and that of each of `versions` of the API."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/openapi.json", methods=["GET", "HEAD"])
    async def openapi_json() -> Response:
        return answer(max(versions))

    @router.api_route("/openapi/{name}.json", methods=["GET", "HEAD"])
    async def openapi_of_version(name: str) -> Response:
        if name not in documents:
            raise RouteNotFound
        return answer(documents[name])

    def answer(number: int) -> Response:
        document: Json = app.openapi(number)  # type: ignore[call-arg]  # see `install`
        return Response(msgspec.json.encode(document), headers={"cache-control": "no-cache"}, media_type="application/json")

    documents = {f"v{number}": number for number in versions}
    return router


def _names(routers: Sequence[tuple[str, APIRouter]]) -> Iterator[tuple[str, str]]:
    for prefix, router in routers:
        for one in router.definitions if isinstance(router, Router) else ():
            if router.include_in_schema and one.documented.get("include_in_schema", True):
                yield one.endpoint.__name__, f"{one.method} {prefix}{one.path}"


def _plain_names(app: FastAPI) -> Iterator[tuple[str, str]]:
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and context.include_in_schema:
            for method in context.methods or ():
                yield _operation_id(route, method), f"{method} {context.path_format}"


def _operation_id(route: APIRoute, method: str) -> str:
    return f"{route.name}_{method.lower()}" if len(route.methods or ()) > 1 else route.name


def _document(app: FastAPI, version: str, schemes: Sequence[AuthenticationScheme], api: str, *, exports: bool) -> Json:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Duplicate Operation ID")  # FastAPI's ids of a route with several methods, which are replaced
        document = get_openapi(
            title=app.title,
            version=version,
            openapi_version=app.openapi_version,
            description=DESCRIPTION.format(token_url=f"{api}/auth/token"),
            contact={"name": app.title},
            license_info=LICENSE,
            routes=app.routes,
            servers=[{"url": public_prefix.get() or "/", "description": "The server of this document"}],
        )
    tags: set[str] = set()
    queried: list[tuple[str, RouteOptions]] = []
    names = [PASSWORD, *(one.name for one in schemes)]
    for path, method, route, operation in _operations(app, document):
        operation["operationId"] = _operation_id(route, method)
        if method == "patch":
            _without_defaults(document, operation)
        tags.update(operation.get("tags", ()))
        options = options_of(route)
        complete(operation, method, path, route.endpoint, options, names)
        if method == "get" and options is not None and options.protocol is None and reads_whole_query(route.endpoint):
            queried.append((path, options))
            if exports and get_origin(result_of(route.endpoint)) is Page:
                operation["responses"]["200"][EXPORTS] = exported()
    document["tags"] = [{"name": tag, "description": f"Operations on {tag}."} for tag in sorted(tags)]
    _components(document, schemes, api)
    rename_schemas(document)
    name_bodies(document)
    add_sparse_schemas(document)
    for path, options in queried:
        document["paths"][path][QUERY] = query_operation(document["paths"][path]["get"], options.example.get("query", ""))
    return document


def _operations(app: FastAPI, document: Json) -> Iterator[tuple[str, str, APIRoute, Json]]:
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, context.path_format or ""
        if isinstance(route, APIRoute) and path in document["paths"]:
            for method in context.methods or ():
                operation = document["paths"][path].get(method.lower())
                if operation is not None:
                    yield path, method.lower(), route, operation


def _without_defaults(document: Json, operation: Json) -> None:
    """Remove defaults from a merge patch: members that it does not contain stay unchanged."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        for schema in document["components"]["schemas"].get(name, {}).get("properties", {}).values():
            schema.pop("default", None)


def _components(document: Json, schemes: Sequence[AuthenticationScheme], api: str) -> None:
    components = document.setdefault("components", {})
    schemas = {name: schema for name, schema in components.get("schemas", {}).items() if name not in REPLACED}
    components["schemas"] = dict(sorted({**schemas, "Problem": problem_schema(), "OAuth2Error": OAUTH2_ERROR}.items()))
    for name, schema in schemas.items():
        if name.startswith("Page_"):  # as FastAPI names them
            schema["properties"].pop("cursors", None)
    used = {
        one.get("$ref") for item in document["paths"].values() for operation in item.values() for one in operation["responses"].values()
    }
    components["responses"] = {name: one for name, one in error_responses(api).items() if f"#/components/responses/{name}" in used}
    components["headers"] = HEADERS
    components["securitySchemes"] = security_schemes(f"{public_prefix.get()}{api}/auth/token", schemes)
