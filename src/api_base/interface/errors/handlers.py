"""The one table from error type to problem. A context's errors subclass those of `core.errors` and need no line here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api_base.core import errors
from api_base.core.errors.json_syntax import json_reason
from api_base.core.errors.validation_messages import validation_message
from api_base.core.types import current_context
from api_base.interface.errors import http
from api_base.interface.errors.problem import MEDIA_TYPE, Problem, leading_through, pointer
from api_base.interface.errors.shape import SHAPE
from api_base.interface.errors.translation import language_header, localized

type Headers = Sequence[tuple[bytes, bytes]]

BEARER: Final = (b"www-authenticate", b'Bearer realm="api"')


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: the last part of its URI, its title, its status, and the headers of one error."""

    name: str
    title: str
    status: int
    headers: Callable[[Any], Headers] = lambda error: ()


def _retry_after(error: errors.Unavailable | errors.TooManyRequests | errors.RequestInProgress) -> Headers:
    return [(b"retry-after", b"%d" % max(1, round(error.retry_after + 0.5)))]


def _challenge(error: errors.Unauthenticated) -> Headers:
    del error
    return [BEARER]


PROBLEMS: Final[Mapping[type[Exception], Kind]] = {
    errors.Invalid: Kind("validation", "The request is invalid", 422),
    errors.RuleViolated: Kind("rule-violated", "A business rule refuses the request", 422),
    errors.NotFound: Kind("not-found", "Not found", 404),
    errors.StaleVersion: Kind("stale-version", "The resource has changed since it was read", 412),
    errors.Conflict: Kind("conflict", "The state of the resource does not allow the operation", 409),
    errors.Unauthenticated: Kind("unauthenticated", "Authentication is required", 401, _challenge),
    errors.Forbidden: Kind("forbidden", "Not allowed", 403),
    errors.FeatureDisabled: Kind("feature-disabled", "The feature is switched off", 403),
    errors.TooManyRequests: Kind("quota-exceeded", "Too many requests", 429, _retry_after),
    errors.Unavailable: Kind("unavailable", "The service is temporarily unavailable", 503, _retry_after),
    errors.Transient: Kind("unavailable", "The service is temporarily unavailable", 503, lambda error: [(b"retry-after", b"1")]),
    errors.ReducedCapacity: Kind("temporary-reduced-capacity", "The server is overloaded", 503, _retry_after),
    errors.RequestInProgress: Kind("request-in-progress", "The same request is being processed", 409, _retry_after),
    errors.IdempotencyKeyReused: Kind("idempotency-key-reused", "The Idempotency-Key belongs to another request", 422),
    http.BadRequest: Kind("bad-request", "The request is malformed", 400),
    http.MalformedBody: Kind("malformed-body", "The body cannot be parsed", 400),
    http.RouteNotFound: Kind("route-not-found", "No route has this path", 404),
    http.MethodNotAllowed: Kind("method-not-allowed", "The method is not allowed", 405, lambda error: [(b"allow", error.allowed)]),
    http.BodyTooLarge: Kind("body-too-large", "The body is too large", 413),
    errors.TooLarge: Kind("too-large", "The content is too large", 413),
    http.Gone: Kind("gone", "The route has ended", 410, lambda error: error.links),
    http.NotAcceptable: Kind("not-acceptable", "No acceptable representation exists", 406),
    http.UnsupportedMediaType: Kind("unsupported-media-type", "The media type is not supported", 415),
    http.RangeNotSatisfiable: Kind(
        "range-not-satisfiable",
        "No byte of the range exists",
        416,
        lambda error: [(b"content-range", b"bytes */%d" % error.size), (b"accept-ranges", b"bytes")],
    ),
    http.PreconditionRequired: Kind("precondition-required", "A precondition is required", 428),
    http.UpgradeRequired: Kind(
        "upgrade-required",
        "The resource is a WebSocket",
        426,
        lambda error: [(b"upgrade", b"websocket"), (b"connection", b"Upgrade"), (b"sec-websocket-version", b"13")],
    ),
    http.TargetTooLong: Kind("target-too-long", "The path and query are too long", 414),
    http.HeaderTooLarge: Kind("header-too-large", "The header section is too large", 431),
    http.SlowRequest: Kind("slow-request", "The request did not arrive in time", 408),
    http.MisdirectedRequest: Kind("misdirected-request", "The server does not serve this host", 421),
    http.VersionNotSupported: Kind("version-not-supported", "The version of HTTP is not supported", 505),
    http.Overloaded: Kind("temporary-reduced-capacity", "The server is overloaded", 503, lambda error: [(b"retry-after", b"1")]),
    http.RequestTimeout: Kind("timeout", "The request took too long", 503, lambda error: [(b"retry-after", b"1")]),
}
"""The kind of an error is that of the first of its base classes in this table. Each kind has a page under docs/problems."""

INTERNAL: Final = Kind("internal", "An internal error occurred", 500)


def problem_of(error: Exception) -> Problem | None:
    """Return the problem of a known error, in the language that its caller prefers; None for an unexpected error."""
    located = _located(error) if isinstance(error, errors.Invalid) else None
    for cls in type(error).__mro__:
        kind = PROBLEMS.get(cls)
        if kind is not None:
            problem = Problem(
                kind=kind.name,
                title=kind.title,
                status=kind.status,
                detail=_detail(located or error),
                violations=() if located is None else located.violations,
                violated=error.violated if isinstance(error, errors.TooManyRequests) else (),
                headers=kind.headers(error),
            )
            return localized(problem)
    return None


def _detail(error: Exception) -> str:
    return error.public_message if isinstance(error, errors.ApiBaseError) else str(error)


def internal_problem() -> Problem:
    """Return the problem of an unexpected error. It reveals no internals."""
    detail = "The error was logged under this request id. Try again later. If the error persists, report the request id."
    return localized(Problem(kind=INTERNAL.name, title=INTERNAL.title, status=INTERNAL.status, detail=detail))


MAX_LISTED: Final = 100
"""Violations of one answer."""
MAX_COUNTED: Final = 10_000
"""Errors of pydantic from which those to list are taken: it returns all or none."""


def invalid_of(error: ValidationError | RequestValidationError, part: str = "") -> errors.Invalid:
    """Convert pydantic's errors to violations.

    `part` is the source of the validated value: body, query, path; "" if the location contains it.
    """
    found = error.errors()
    return _listed([_violation(one, part) for one in found[:MAX_LISTED]], len(found), part)


def invalid_body(error: ValidationError, document: Any) -> errors.Invalid:
    """Convert pydantic's errors in the JSON body `document` to violations."""
    count = error.error_count()
    found = error.errors(include_url=False, include_input=False)[:MAX_LISTED] if count <= MAX_COUNTED else []
    return _listed([_violation({**one, "loc": _steps(one, document)}, "body") for one in found], count, "body")


def _listed(violations: list[errors.Violation], count: int, part: str) -> errors.Invalid:
    if count == len(violations):
        return errors.Invalid(violations)
    message = f"has {count} errors{f', of which the first {len(violations)} are listed' if violations else ''}"
    return errors.Invalid([*violations, errors.Violation(f"/{part}" if part else "", "too_many_errors", message)])


def not_json(details: Mapping[str, Any], at: int | None = None) -> str:
    """Return why the body is not JSON, from the details of `json_invalid`. FastAPI passes the position separately, as the offset `at`."""
    return f"The body is not JSON: {json_reason(details['error'])}{'' if at is None else f' at character {at + 1}'}."


_ABSENT: Final = ("missing", "default_factory_not_called")


def _steps(one: Any, document: Any) -> Sequence[str]:
    return list(leading_through(document, one["loc"], absent=one["type"] in _ABSENT))


def _violation(one: Any, part: str) -> errors.Violation:
    steps = ([part] if part else []) + [str(step) for step in one["loc"]]
    return errors.Violation(pointer(*steps), one["type"], validation_message(one["type"], one.get("ctx", {}), one["msg"]))


PARTS: Final = frozenset({"body", "query", "path", "header", "cookie"})
"""The parts of a request into which pointers of its errors point."""


def _located(error: errors.Invalid) -> errors.Invalid:
    """Return the violations with pointers into the request. The domain's pointers are relative to its input, which is the body."""
    return errors.Invalid(
        [
            v if v.pointer[1:].partition("/")[0] in PARTS else errors.Violation(f"/body{v.pointer}", v.code, v.message)
            for v in error.violations
        ]
    )


async def send_error(scope: Scope, send: Send, error: errors.ApiBaseError) -> None:
    """Send the problem of `error`. Raises `error` itself if it has none."""
    problem = problem_of(error)
    if problem is None:
        raise error
    await send_problem(scope, send, problem)


async def send_problem(scope: Scope, send: Send, problem: Problem) -> None:
    """Send `problem` as the response, in the shape of the errors of its prefix."""
    context = current_context.get(None)
    request_id, path = (context.request_id, context.path) if context else ("", scope["path"])
    if (shape := scope.get(SHAPE)) is None:
        media_type, body = MEDIA_TYPE, problem.body(path, request_id)
    else:
        media_type, body = shape.encoded(problem.document(path, request_id))
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body)), (b"cache-control", b"no-store"), *problem.headers]
    headers += language_header()
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class _Answer:
    """A problem as an ASGI application, which Starlette accepts as a response."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        await send_problem(scope, send, self._problem)


def install(app: FastAPI) -> None:
    """Convert the errors that FastAPI and Starlette raise themselves to problems."""

    async def on_error(request: Any, error: Exception) -> Any:
        if request.method == "OPTIONS" and isinstance(error, HTTPException) and _of_router(error, 405):
            return Response(status_code=204, headers={"allow": _allowed(error), "cache-control": "no-store"})
        problem = _http_problem(error) if isinstance(error, HTTPException) else problem_of(_translated(error))
        if problem is None:
            raise error
        return _Answer(problem)

    for error in (errors.ApiBaseError, RequestValidationError, HTTPException):
        app.add_exception_handler(error, on_error)


def _translated(error: Exception) -> Exception:
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        malformed = first["type"] == "json_invalid" and isinstance(first["loc"][1], int)  # otherwise it is a string of JSON in a field
        return http.MalformedBody(not_json(first["ctx"], at=first["loc"][1])) if malformed else invalid_of(error)
    return error


_BY_STATUS: Final = {kind.status: kind for kind in (INTERNAL, *reversed(list(PROBLEMS.values())))}


def _http_problem(error: HTTPException) -> Problem | None:
    """Convert the router's own 404 and 405, and the `HTTPException` of a plain FastAPI route."""
    if _of_router(error, 404):
        return problem_of(http.RouteNotFound())
    if _of_router(error, 405):
        return problem_of(http.MethodNotAllowed(_allowed(error).encode()))
    return http_problem(error)


def _of_router(error: HTTPException, status: int) -> bool:
    """Return whether the router refuses by this status, and no function."""
    return error.status_code == status and error.detail == _phrase(error)


def _allowed(error: HTTPException) -> str:
    return ", ".join(http.methods_of_path((error.headers or {}).get("Allow", "").split(", ")))


def http_problem(error: HTTPException) -> Problem:
    """Convert an `HTTPException` of an endpoint: it keeps its status, detail and headers."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (error.headers or {}).items()]
    kind = _BY_STATUS.get(error.status_code, Kind("", _phrase(error), error.status_code))
    return localized(Problem(kind=kind.name, title=kind.title, status=error.status_code, detail=str(error.detail), headers=headers))


def _phrase(error: HTTPException) -> str:
    return HTTPStatus(error.status_code).phrase if error.status_code in _STATUSES else "Error"


_STATUSES: Final = frozenset(HTTPStatus)
