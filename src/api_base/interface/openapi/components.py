"""Components that operations refer to: the problem, error responses, headers, security schemes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api_base.interface.errors.handlers import INTERNAL, PROBLEMS
from api_base.interface.errors.problem import type_of
from api_base.interface.middleware.auth import AuthenticationScheme
from api_base.interface.public_url import public_prefix
from api_base.interface.routes.export_formats import CSV, JSONL

type Json = dict[str, Any]

REPLACED: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own error schemas, which the application never sends."""

_KINDS: Final = sorted({kind.name for kind in (*PROBLEMS.values(), INTERNAL)})


def problem_schema() -> Json:
    """Describe an error, whose types are below the path of `SERVER__PUBLIC_URL`."""
    return {
        "type": "object",
        "title": "Problem",
        "description": "An error [RFC 9457].",
        "required": ["type", "title", "status", "detail", "instance", "request_id"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "The kind of problem. The page `/problems/<last part>` explains it. Others may be added.",
                "examples": [type_of(kind) for kind in _KINDS],
            },
            "title": {"type": "string", "description": "The kind of problem, for people."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What happened, to what, and what to do next."},
            "instance": {"type": "string", "format": "uri-reference", "description": "The path of the request."},
            "request_id": {"type": "string", "description": "Finds the request in the logs."},
            "violated-policies": {"type": "array", "description": "The rate limits that were exceeded.", "items": {"type": "string"}},
            "errors": {
                "type": "array",
                "description": "All violations of the request.",
                "items": {
                    "type": "object",
                    "required": ["pointer", "code", "message"],
                    "properties": {
                        "pointer": {
                            "type": "string",
                            "description": "JSON Pointer [RFC 6901] into /body, /query, /path, /header or /cookie.",
                        },
                        "code": {"type": "string", "description": "The rule, for programs."},
                        "message": {"type": "string", "description": "The rule, for people."},
                    },
                },
            },
        },
    }


OAUTH2_ERROR: Final[Json] = {
    "type": "object",
    "title": "OAuth2Error",
    "description": "An error of the token endpoint [RFC 6749, section 5.2].",
    "required": ["error"],
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
}

HEADERS: Final[Mapping[str, Json]] = {
    "ETag": {
        "description": "The version of the resource in the response [RFC 9110].",
        "schema": {"type": "string", "examples": ['"v1-json1"']},
    },
    "Idempotency-Replayed": {
        "description": "`true` if the response repeats that of an earlier, equal request; absent otherwise.",
        "schema": {"type": "string", "const": "true"},
    },
    "Location": {"description": "The URL of the created resource.", "schema": {"type": "string", "format": "uri-reference"}},
    "traceparent": {
        "description": "The trace of the request, and its span in it [W3C Trace Context].",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"},
    },
    "X-Request-ID": {"description": "Finds the request in the logs.", "schema": {"type": "string", "maxLength": 64}},
    "RateLimit": {"description": "The remaining quota.", "schema": {"type": "string", "examples": ['"default";r=199;t=1']}},
    "RateLimit-Policy": {
        "description": "The quota and its window.",
        "schema": {"type": "string", "examples": ['"default";q=1200;w=60;pk=:dGhlLWNhbGxlcg==:']},
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "WWW-Authenticate": {
        "description": "How to authenticate [RFC 6750].",
        "schema": {"type": "string", "examples": ['Bearer realm="api"']},
    },
}

_ANSWERS: Final = {
    "BadRequest": (400, "The request cannot be parsed", ()),
    "Unauthenticated": (401, "The access token is missing or invalid", ("WWW-Authenticate",)),
    "Forbidden": (403, "The user lacks the permission", ()),
    "NotFound": (404, "The resource does not exist for this user", ()),
    "NotAcceptable": (406, "The client does not accept JSON", ()),
    "Conflict": (409, "The state of the resource does not allow the operation, or the same request is being processed", ("Retry-After",)),
    "Gone": (410, "The route has ended", ()),
    "StaleVersion": (412, "The resource has changed since it was read", ()),
    "BodyTooLarge": (413, "The body is too large", ()),
    "TargetTooLong": (414, "The path and query are too long", ()),
    "UnsupportedMediaType": (415, "The media type is not supported", ()),
    "RangeNotSatisfiable": (416, "No byte of the range exists", ()),
    "Unacceptable": (422, "The request is invalid, or a business rule refuses it", ()),
    "PreconditionRequired": (428, "If-Match is required", ()),
    "TooManyRequests": (429, "A rate limit was exceeded", ("Retry-After",)),
    "InternalError": (500, "An internal error occurred", ()),
    "Unavailable": (503, "The service is temporarily unavailable", ("Retry-After",)),
}
COMMON: Final = ("X-Request-ID", "traceparent", "RateLimit", "RateLimit-Policy")


def header_references(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*names, *COMMON)}


def _answer(api: str, status: int, description: str, headers: tuple[str, ...]) -> Json:
    example = next(kind for kind in (*PROBLEMS.values(), INTERNAL) if kind.status == status)
    problem = {
        "type": type_of(example.name),
        "title": example.title,
        "status": status,
        "detail": description + ".",
        "instance": f"{public_prefix.get()}{api}/items",
        "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": problem}}
    return {"description": description, "headers": header_references(*headers), "content": content}


EXPORTS: Final = "x-exports"
"""The media types of a whole list, beside the content of a page: in `content`, clients of generators would get a page or a text."""


def exported() -> Json:
    """Return the content of `EXPORTS`."""
    about = "All rows of the list, for callers who may export. `limit` and `cursor` are refused."
    return {media_type: {"schema": {"type": "string", "description": about}} for media_type in (CSV, JSONL)}


def error_responses(api: str) -> Json:
    """Return the responses that operations refer to, by name. `api` is the path of the version of the API."""
    return {name: _answer(api, *answer) for name, answer in _ANSWERS.items()}


BY_STATUS: Final[Mapping[int, Json]] = {status: {"$ref": f"#/components/responses/{name}"} for name, (status, _, _) in _ANSWERS.items()}


PASSWORD: Final = "password"  # noqa: S105 -- a name, no secret
"""The name of the OAuth2 password form, by which /docs logs in."""


def security_schemes(token_url: str, schemes: Sequence[AuthenticationScheme]) -> Json:
    """The OAuth2 password form, and the schemes of the application."""
    password = {"type": "oauth2", "flows": {"password": {"tokenUrl": token_url, "scopes": {}}}}
    return {PASSWORD: password, **{one.name: dict(one.description) for one in schemes}}
