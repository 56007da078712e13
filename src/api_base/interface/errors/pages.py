"""Explanations of each kind of problem, served at the URI of its type and stored under docs/problems."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from api_base.interface.errors.handlers import INTERNAL, PROBLEMS, Kind
from api_base.interface.errors.http import RouteNotFound
from api_base.interface.errors.problem import type_of

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (*PROBLEMS.values(), INTERNAL)}

EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "bad-request": (
        "A header or the request line is malformed, for example an `If-Match` that is not a list of entity tags, or an `Idempotency-Key` on a route that does not accept one.",
        "Correct what `detail` names. The same request will fail again.",
    ),
    "body-too-large": (
        "The body is larger than the route allows (1 MiB, unless the route declares another limit).",
        "Send less: split a batch into several requests, and send a file to a route for files.",
    ),
    "conflict": (
        "The request is well-formed, but the state of the resource does not allow it: a unique value is taken, a transition does not exist, "
        "or another request changed the resource first.",
        "`detail` names the conflicting state. Change that state first, or choose another value.",
    ),
    "feature-disabled": (
        "Your role allows the operation, but the platform has switched it off for you, your tenant or everybody, by the feature flag that `detail` names.",
        "Try again later, or ask the operator of the platform. Another role or a new token changes nothing.",
    ),
    "forbidden": (
        "You are authenticated, but your role in the tenant of your token does not allow this operation.",
        "Ask an administrator of the tenant for another role, or switch to a tenant in which you have the role. A new token alone changes nothing.",
    ),
    "gone": (
        'The route was deprecated, and its `Sunset` [RFC 8594] has passed. `detail` and the header `Link` (`rel="successor-version"`) name what replaces it. Nothing was executed.',
        "Send the request to the successor. The route does not come back.",
    ),
    "header-too-large": (
        "The header section has more bytes or fields than the server accepts. The connection closes.",
        "Send fewer or shorter headers: large values belong into the body.",
    ),
    "idempotency-key-reused": (
        "An earlier, different request used the same `Idempotency-Key`: its path, query, `If-Match`, `Content-Type` or body differs (byte by byte). Nothing was executed.",
        "Use a new key for each new request, and repeat a key only with exactly the same request.",
    ),
    "internal": (
        "An unexpected error occurred on the server. The server's log describes it; the response does not.",
        "Try again later. If the error persists, report the `request_id`. A write may or may not have happened: read the resource before you retry.",
    ),
    "malformed-body": (
        "The body does not match its `Content-Type`: it is not JSON, not UTF-8, or nested more deeply than 32 levels.",
        "Correct the serialization. The content was not validated yet, so there may be further errors.",
    ),
    "misdirected-request": (
        "The host of the request (`Host`, or the host of an absolute target) is not among those that the server serves.",
        "Use the public host name of the API. If you run the server: add the name to `SERVER__ALLOWED_HOSTS`, or let the proxy pass the original `Host`.",
    ),
    "method-not-allowed": (
        "The path exists, but does not support the method.",
        "Use one of the methods in the `Allow` header.",
    ),
    "not-acceptable": (
        "`Accept` excludes every media type that the response can have [RFC 9110, section 15.5.7]. Nothing was executed.",
        "Accept `application/json`, or send `*/*`. Errors are `application/problem+json`, whatever `Accept` says.",
    ),
    "not-found": (
        "The resource does not exist for you: it never existed, was deleted, or belongs to another tenant. The response is the same in all cases.",
        "Check the id, and check that your token is for the right tenant.",
    ),
    "range-not-satisfiable": (
        "The request asks by `Range` for bytes behind the end of the content [RFC 9110, section 15.5.17]. `Content-Range` names its size.",
        "Ask for a range inside the content, or leave `Range` out. A download that is complete needs no other request.",
    ),
    "precondition-required": (
        "The route changes a resource that other clients may change concurrently, and the request does not name the version to change [RFC 6585].",
        "Read the resource, and send the `ETag` of that response as `If-Match`. `If-Match: *` overwrites any version.",
    ),
    "quota-exceeded": (
        "You exceeded a rate limit. `violated-policies` names the limits, `RateLimit` the remaining quota.",
        "Wait for the seconds in `Retry-After`, and spread your requests. Logins and requests with invalid tokens have stricter limits.",
    ),
    "request-in-progress": (
        "The server is processing a request with the same `Idempotency-Key`.",
        "Send the same request again after the seconds in `Retry-After`, and you get its response.",
    ),
    "route-not-found": (
        "No route has this path.",
        "Compare the path with `/openapi.json`. The server does not redirect paths with an extra slash.",
    ),
    "rule-violated": (
        "The request is well-formed, but a business rule refuses it.",
        "`detail` names the rule and how to satisfy it.",
    ),
    "slow-request": (
        "The header section, or the next part of the body, did not arrive in time. The connection closes, and the request was not executed.",
        "Send the request again, without pauses.",
    ),
    "stale-version": (
        "The resource has changed since you read the version in `If-Match`. Nothing was written.",
        "Read it again, apply your change to the current version, and send that with the new `ETag`.",
    ),
    "target-too-long": (
        "The path and query of the request are longer than the server accepts. The connection closes.",
        "Send a shorter query: fewer filters, or shorter values.",
    ),
    "temporary-reduced-capacity": (
        "The server has more requests or connections than it can work on, or it cannot reach the store of its rate limits and allows only a part of "
        "each (`violated-policies`). It refused this request before it did anything.",
        "Send the same request again after the seconds in `Retry-After`, and fewer requests at the same time.",
    ),
    "timeout": (
        "The request took longer than the server allows, and was aborted.",
        "A write may have been committed before: read the resource before you retry. Request less data.",
    ),
    "too-large": (
        "The file that the request sends or announces is larger than `FILES__MAX_FILE_BYTES`. `detail` names the limit.",
        "Send a smaller file, or split it. `OPTIONS /api/v1/files/uploads` returns the limit.",
    ),
    "unauthenticated": (
        "The request has no access token, or an invalid, expired or revoked one; or the password or refresh token is wrong.",
        "Log in, or exchange the refresh token, and send `Authorization: Bearer <access token>`. `WWW-Authenticate` distinguishes an invalid token "
        "from a missing one.",
    ),
    "unavailable": (
        "A backing service does not respond, or is overloaded. The request was not executed, unless `detail` says that its outcome is unknown.",
        "Try the same request again after the seconds in `Retry-After`; a change with its `Idempotency-Key`, or after reading the resource.",
    ),
    "unsupported-media-type": (
        "The `Content-Type` is missing, or the route does not support it.",
        "Send `application/json`; a `PATCH` also accepts `application/merge-patch+json` [RFC 7396].",
    ),
    "upgrade-required": (
        "The path is served by the WebSocket protocol only, and the request is no valid handshake: it asks for no upgrade, or for another version than "
        "13 [RFC 6455].",
        "Connect with a WebSocket client. Behind a proxy, check that it passes the headers Connection and Upgrade on.",
    ),
    "version-not-supported": (
        "The request line names a version of HTTP other than 1.0 and 1.1.",
        "Send the request as HTTP/1.1. A proxy in front of the server can offer HTTP/2 and HTTP/3.",
    ),
    "validation": (
        "The request is well-formed, but its content is not acceptable. `errors` lists all violations, the first 100 if there are more: `pointer` (JSON Pointer [RFC 6901] into `/body`, "
        "`/query`, `/path` or `/header`), `code` (for programs) and `message` (for people).",
        "Correct what the pointers name. The same request will fail again.",
    ),
}
"""The meaning of each kind, and what to do."""


def page(kind: str) -> str:
    """Return the page of a kind, in Markdown. Raises `KeyError` for an unknown kind."""
    meaning, remedy = EXPLANATIONS[kind]
    about = KINDS[kind]
    return f"# {about.title}\n\n`{type_of(kind)}` · HTTP {about.status}\n\n{meaning}\n\n**What to do.** {remedy}\n"


def routes() -> APIRouter:
    """GET /problems/{kind}: the page that the `type` of a problem names."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/problems/{kind}", methods=["GET", "HEAD"])
    async def problem(kind: str) -> Response:
        if kind not in KINDS:
            raise RouteNotFound
        return PlainTextResponse(page(kind), headers={"cache-control": "public, max-age=86400"})

    return router
