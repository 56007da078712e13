"""Complete one operation with the declarations of its route."""

from collections.abc import Callable, Iterator, Sequence
from string import Formatter
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from fastapi.params import Depends

from api_base.interface.openapi.components import BY_STATUS, header_references
from api_base.interface.openapi.parameters import FIELDS, IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, LINE, list_parameters
from api_base.interface.routes import ListQuery, RouteOptions
from api_base.interface.routes.deprecations import Deprecated
from api_base.interface.routes.idempotency import accepts_key
from api_base.interface.routes.parameters import IfMatch, QueryResolver
from api_base.interface.routes.plain import EXTRA, plain_options
from api_base.interface.routes.rendering import sends_json

type Json = dict[str, Any]

MERGE_PATCH: Final = "application/merge-patch+json"


def complete(
    operation: Json, method: str, path: str, endpoint: Callable[..., Any], options: RouteOptions | None, schemes: Sequence[str]
) -> None:
    """Change `operation` in place. A route of a plain FastAPI router (`options` is None) gets the common responses.

    `schemes` are the names of the security schemes.
    """
    found = list(_dependencies(endpoint))
    condition = next((one for one in found if isinstance(one, IfMatch)), None)
    listing = next((one for one in found if isinstance(one, ListQuery)), None)
    operation.setdefault("description", operation.get("summary", ""))
    _parameters(operation, method, options, condition, listing)
    body = operation.get("requestBody")
    if body is not None and options is not None:
        _body(body, method, options)
    statuses = _statuses(method, path, options, condition, body is not None)
    if options is not None and options.protocol is None and sends_json(get_type_hints(endpoint).get("return")):
        statuses.append(406)
    if options is not None and options.deprecation is not None:
        statuses.append(410)
    if any(one["in"] == "query" for one in operation.get("parameters", ())):
        statuses.append(414)
    _answers(operation, statuses, method, options)
    auth = plain_options(operation).auth if options is None else options.auth
    operation.pop(EXTRA, None)
    secured: list[Json] = [{name: []} for name in schemes]
    operation["security"] = {"required": secured, "optional": [*secured, {}], "ignored": []}[auth]
    if options is not None and options.deprecation is not None:
        operation["deprecated"] = True


def reads_whole_query(endpoint: Callable[..., Any]) -> bool:
    """Return whether a resolver of the function reads the whole query, so that QUERY serves it as well as GET."""
    return any(isinstance(one, QueryResolver) for one in _dependencies(endpoint))


def _dependencies(endpoint: Callable[..., Any]) -> Iterator[Any]:
    for hint in get_type_hints(endpoint, include_extras=True).values():
        if get_origin(hint) is Annotated:
            yield from (one.dependency for one in get_args(hint)[1:] if isinstance(one, Depends))


def _parameters(operation: Json, method: str, options: RouteOptions | None, condition: IfMatch | None, listing: ListQuery | None) -> None:
    parameters = [one for one in operation.get("parameters", ()) if one["name"].lower() != "if-match"]
    for parameter in parameters:
        parameter.setdefault("description", f"The {parameter['name'].replace('_', ' ')}.")
        schema = parameter["schema"] = _present(parameter["schema"])
        if options is not None and parameter["in"] == "path" and schema.get("type") == "string" and not schema.keys() & {"format", "enum"}:
            schema.setdefault("pattern", LINE)
    if listing is not None:
        parameters += list_parameters(listing)
    if options is not None and options.sparse:
        parameters.append(FIELDS)
    if condition is not None:
        parameters.append({**IF_MATCH, "required": condition.required})
    if options is not None and options.tagged and method == "get":
        parameters.append(IF_NONE_MATCH)
    if options is not None and accepts_key(method.upper(), options):
        parameters.append(IDEMPOTENCY_KEY)
    if parameters:
        operation["parameters"] = parameters


def _present(schema: Json) -> Json:
    """Return the schema of a parameter that is sent: what may be left out is null in Python, but no text in a URL or a header is."""
    some = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return {**some[0], **{name: value for name, value in schema.items() if name != "anyOf"}} if len(some) == 1 else schema


def _body(body: Json, method: str, options: RouteOptions) -> None:
    content = body["content"]
    if "body" in options.example:
        for one in content.values():
            one.setdefault("example", options.example["body"])
    if method == "patch" and options.protocol is None and "application/json" in content:
        content[MERGE_PATCH] = content["application/json"]


def _statuses(method: str, path: str, options: RouteOptions | None, condition: IfMatch | None, has_body: bool) -> list[int]:
    statuses = [429, 500, 503]
    if options is None:
        return [400, 401, *statuses, *([413] if has_body else [])]
    statuses += [400, 401, 422]
    if options.auth != "ignored":
        statuses.append(403)
    if "{" in path:
        statuses.append(404)
    if method != "get":
        statuses.append(409)
    if condition is not None:
        statuses += [412, 428] if condition.required else [412]
    if has_body:
        statuses += [413, 415]
    return statuses


def _partial(responses: Json) -> list[int]:
    """Complete a route that answers with ranges. Return the status of a range outside."""
    if "304" in responses:
        responses["304"].setdefault("headers", header_references("ETag"))
    return [416] if "206" in responses else []


def _answers(operation: Json, statuses: list[int], method: str, options: RouteOptions | None) -> None:
    responses: Json = operation["responses"]
    statuses = [*statuses, *_replaced(responses), *_partial(responses)]
    added = []
    if options is not None and options.tagged:
        added.append("ETag")
        if method == "get":
            responses["304"] = {
                "description": "The version in If-None-Match is the current one",
                "headers": header_references("ETag"),
            }
    if options is not None and options.location is not None:
        added.append("Location")
    if options is not None and accepts_key(method.upper(), options):
        added.append("Idempotency-Replayed")
    for status, response in responses.items():
        if status.startswith("2"):
            response["description"] = _SUCCESS.get(status, response["description"])
            if options is not None:
                response["headers"] = header_references(*added) | _deprecation(options) | (_LINKS if options.paging == "offset" else {})
    for code in statuses:
        responses.setdefault(str(code), BY_STATUS[code])
    if options is not None and options.protocol == "oauth2":
        error = {"schema": {"$ref": "#/components/schemas/OAuth2Error"}}
        responses["400"] = {"description": "The grant was refused [RFC 6749, section 5.2]", "content": {"application/json": error}}
    operation["responses"] = dict(sorted(responses.items()))


def _deprecation(options: RouteOptions) -> Json:
    """Return the headers of a deprecated route, as its responses have them."""
    declared = options.deprecation
    if declared is None:
        return {}
    placeholders = {part[1]: f"{{{part[1]}}}" for part in Formatter().parse(declared.successor or "") if part[1]}
    sent = {name.decode(): value.decode() for name, value in Deprecated(declared).headers(placeholders)}
    return {
        name: {"description": description, "schema": {"type": "string", "examples": [sent[name.lower()]]}}
        for name, description in _DEPRECATION.items()
        if name.lower() in sent
    }


_DEPRECATION: Final = {
    "Deprecation": "Since when the route is deprecated, in seconds since 1970 [RFC 9745].",
    "Sunset": "When the route ends [RFC 8594].",
    "Link": "The newer route [RFC 8288].",
}


def _replaced(responses: Json) -> list[int]:
    """Remove FastAPI's own error schema, and return the status that had it."""
    if _VALIDATION_ERROR not in str(responses.get("422")):
        return []
    del responses["422"]
    return [422]


_LINKS: Final[Json] = {
    "Link": {
        "description": "The pages `first`, `prev`, `next` and `last`, relative to the URL of the request [RFC 8288].",
        "schema": {"type": "string", "examples": ['<?offset=0&limit=50>; rel="first"']},
    }
}
_VALIDATION_ERROR: Final = "#/components/schemas/HTTPValidationError"
_SUCCESS: Final = {"200": "Success", "201": "Created", "202": "Accepted", "204": "Success, without content"}
