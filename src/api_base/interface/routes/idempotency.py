"""Idempotency-Key [draft-ietf-httpapi-idempotency-key-header]: the routes that accept it, its syntax, and the equality of requests.

Every POST and PATCH accepts it, except routes that need no authentication (a key belongs to a user) and routes whose response must not be stored. Other methods
ignore the header: GET, PUT and DELETE may be repeated without it [RFC 9110, section 9.2.2].
"""

import re
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.types import Message, Receive, Scope

from api_base.core.types import KeyedExecution, KeyedRequest, RequestContext, current_context
from api_base.core.types.idempotency_keys import MAX_KEY_LENGTH, fingerprint, key_digest
from api_base.interface.errors.http import BadRequest
from api_base.interface.routes.parameters import header
from api_base.interface.routes.router import RouteOptions

METHODS: Final = frozenset({"POST", "PATCH"})
PATTERN: Final = rf'^("[ !#-\[\]-~]{{1,{MAX_KEY_LENGTH}}}"|[A-Za-z0-9._~:/+=-]{{1,{MAX_KEY_LENGTH}}})$'
"""A string of structured fields [RFC 9651, section 3.3.3] without escapes, or, as most clients send it, its bare content."""

KEY_SYNTAX: Final = (
    f"1 to {MAX_KEY_LENGTH} letters, digits or characters of ._~:/+=- such as a UUID; "
    'in double quotes, other ASCII characters except " and \\ are allowed too.'
)

REPLAYED: Final = (b"idempotency-replayed", b"true")
"""Marks a stored response."""

_KEY: Final = re.compile(PATTERN)


def accepts_key(method: str, options: RouteOptions) -> bool:
    """Return whether a route accepts an Idempotency-Key. `method` is in upper case."""
    return method in METHODS and options.replayable and options.auth == "required"


def key_of(text: str) -> bytes | None:
    """Return the key in the value of the header; None for a malformed one."""
    return text.strip('"').encode() if _KEY.fullmatch(text) else None


class Keyed:
    """A request with a key. Two are the same if the API version, path, query, If-Match, Content-Type, what is included and the body are."""

    def __init__(self, key: bytes, scope: Scope, receive: Receive, version: int | None = None) -> None:
        self._receive = receive
        self._key = key_digest(key)
        asked = repr((version, scope["path"], scope["query_string"], header(scope, b"if-match"), header(scope, b"content-type")))
        self._asked = fingerprint(key, asked.encode("utf-8", "surrogatepass"))
        self._execution: KeyedExecution | None = None

    def include(self, sent: bytes) -> None:
        """Distinguish requests by this too. Called before the body is read."""
        self._asked.update(sent)

    async def receive(self) -> Message:
        """Return the next message of the request's body."""
        message = await self._receive()
        self._asked.update(message.get("body", b""))
        return message

    async def execute[T](self, context: RequestContext, route: str, endpoint: Callable[[], Awaitable[T]]) -> T:
        """Await `endpoint`; a request with a key is executed once. The body must have been read."""
        assert context.principal is not None  # such routes accept no key
        request = KeyedRequest(
            tenant_id=context.tenant_id,
            user_id=context.principal.user_id,
            route=route,
            key=self._key,
            fingerprint=self._asked.digest(),
        )
        self._execution = KeyedExecution(request=request)
        token = current_context.set(context.within(self._execution))
        try:
            return await endpoint()
        finally:
            current_context.reset(token)

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers to add to the response."""
        return [REPLAYED] if self._execution is not None and self._execution.replayed else []


def keyed(scope: Scope, receive: Receive, *, accepted: bool, version: int | None = None) -> Keyed:
    """Parse a request with the header.

    Raises `BadRequest` for a key that is malformed, repeated, or not accepted by the route (`accepted`).
    """
    values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    text = values[0].decode("latin-1")
    key = key_of(text)
    if len(values) > 1 or key is None:
        raise BadRequest(f"Send one Idempotency-Key of {KEY_SYNTAX}")
    if not accepted:
        raise BadRequest(
            "This route takes no Idempotency-Key: it needs no authentication, or its response must not be stored. Leave the header out."
        )
    return Keyed(key, scope, receive, version)
