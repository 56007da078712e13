"""What each kind of problem means and what to do about it: served at the problem's own URI, and kept under docs/problems."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from api_base.interface.errors.handlers import INTERNAL, PROBLEMS, Kind
from api_base.interface.errors.http import RouteNotFound

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (*PROBLEMS.values(), INTERNAL)}

EXPLANATIONS: Final[Mapping[str, tuple[str, str]]] = {
    "bad-request": (
        "A header or the request line makes no sense, such as an `If-Match` that is no list of entity tags, or an `Idempotency-Key` on a route that takes none.",
        "Correct what `detail` names. The same request will fail again.",
    ),
    "body-too-large": (
        "The body is larger than this route takes (1 MiB, unless the route says otherwise).",
        "Send less at once: a batch in several requests, a file by the route for files.",
    ),
    "conflict": (
        "The request is well-formed and the state of the resource does not allow it: a name is taken, a transition does not exist, "
        "or somebody was faster.",
        "`detail` says which state stands in the way. Change that first, or choose another value.",
    ),
    "forbidden": (
        "You are known, and your role does not allow this in the tenant of your token.",
        "Ask an administrator of the tenant for another role, or switch to a tenant where you have it. A new token alone changes nothing.",
    ),
    "idempotency-key-reused": (
        "The `Idempotency-Key` came before, with another request: another path, query, `If-Match`, `Content-Type` or body (byte by byte). Nothing was done.",
        "Send a new key with each new request, and the old one only with the very same request.",
    ),
    "internal": (
        "Something went wrong here that nobody foresaw. What it was is in our log, not in the answer.",
        "Try again later. If it stays, tell us the `request_id`. A write may or may not have happened: read before repeating it.",
    ),
    "malformed-body": (
        "The body is not what its `Content-Type` says: not JSON, not UTF-8, or nested more deeply than 32 levels.",
        "Correct the serialization. Nothing was validated yet, so there may be more to correct.",
    ),
    "method-not-allowed": (
        "The path exists, but not for this method.",
        "The `Allow` header lists the methods that it has.",
    ),
    "not-found": (
        "There is no such thing for you: it never existed, was deleted, or belongs to another tenant. These are told apart to nobody.",
        "Check the id, and that your token is of the right tenant.",
    ),
    "precondition-required": (
        "The route changes a resource that others may be changing too, and the request does not say which version it is about [RFC 6585].",
        "Read the resource, and send the `ETag` of that answer as `If-Match`. `If-Match: *` overwrites whatever is there.",
    ),
    "request-in-progress": (
        "A request with the same `Idempotency-Key` is being carried out at this moment.",
        "Send the same again after the seconds in `Retry-After`: you will have its answer.",
    ),
    "route-not-found": (
        "Nothing is served at this path.",
        "Check the path against `/openapi.json`; there is no redirect for a slash too many.",
    ),
    "rule-violated": (
        "The request is well-formed, and a rule of the business says no.",
        "`detail` names the rule and what would satisfy it.",
    ),
    "stale-version": (
        "The resource has changed since you read the version in `If-Match`. Nothing was written.",
        "Read it again, apply your change to what is there now, and send that with the new `ETag`.",
    ),
    "timeout": (
        "The request took longer than the server gives to one, and was given up.",
        "A write may have been committed before that: read before repeating it. Ask for less at once.",
    ),
    "too-many-requests": (
        "A limit on requests was reached; `RateLimit-Policy` names which, `RateLimit` what is left of it.",
        "Wait for the seconds in `Retry-After`, and spread requests out. Logins and requests with bad tokens have stricter limits.",
    ),
    "unauthenticated": (
        "Nobody in particular asks, or with a token that is not good (any more); or the password or refresh token is wrong.",
        "Log in, or exchange the refresh token, and send `Authorization: Bearer <access token>`. `WWW-Authenticate` tells a bad token "
        "from a missing one.",
    ),
    "unavailable": (
        "A service behind this one does not answer, or is too busy. The request was not carried out.",
        "Try the same again after the seconds in `Retry-After`.",
    ),
    "unsupported-media-type": (
        "The `Content-Type` is missing, or not one that the route takes.",
        "Send `application/json`; a `PATCH` takes `application/merge-patch+json` [RFC 7396] as well.",
    ),
    "validation": (
        "The request can be parsed, and something in it is not acceptable. `errors` lists everything that is wrong at once: `pointer` "
        "(JSON Pointer [RFC 6901] into `/body`, `/query`, `/path` or `/header`), `code` (for programs) and `message` (for people).",
        "Correct what the pointers name. The same request will fail again.",
    ),
}
"""Meaning, and what to do, by kind."""


def page(kind: str) -> str:
    """The page of a kind, in Markdown. Raises `KeyError` for an unknown one."""
    meaning, remedy = EXPLANATIONS[kind]
    about = KINDS[kind]
    return f"# {about.title}\n\n`/problems/{kind}` · HTTP {about.status}\n\n{meaning}\n\n**What to do.** {remedy}\n"


def routes() -> APIRouter:
    """GET /problems/{kind}: what the `type` of a problem resolves to."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/problems/{kind}", methods=["GET", "HEAD"])
    async def problem(kind: str) -> Response:
        if kind not in KINDS:
            raise RouteNotFound
        return PlainTextResponse(page(kind), headers={"cache-control": "public, max-age=86400"})

    return router
