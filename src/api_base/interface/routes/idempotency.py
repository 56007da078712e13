"""Idempotency-Key [draft-ietf-httpapi-idempotency-key-header]: which routes take one, what one is, and which requests are the same.

Every POST and PATCH takes one but for those that anybody may send, since a key counts for its user, and those whose answer must not
be stored. Elsewhere the header means nothing: GET, PUT and DELETE may be repeated as they are [RFC 9110, section 9.2.2].
"""

import re
from typing import Final

from starlette.types import Message, Receive, Scope

from api_base.core.types import MAX_KEY_LENGTH, KeyedRequest, RequestContext, fingerprint, key_digest
from api_base.interface.errors.http import BadRequest
from api_base.interface.routes.parameters import header
from api_base.interface.routes.route_options import RouteOptions

METHODS: Final = frozenset({"POST", "PATCH"})
PATTERN: Final = rf'^("[ !#-\[\]-~]{{1,{MAX_KEY_LENGTH}}}"|[A-Za-z0-9._~:/+=-]{{1,{MAX_KEY_LENGTH}}})$'
"""A string of structured fields [RFC 9651, section 3.3.3] without escapes, or its content as most clients send it: bare."""

REPLAYED: Final = (b"idempotency-replayed", b"true")
"""Goes with an answer that was given before."""

_KEY: Final = re.compile(PATTERN)


def takes_key(method: str, options: RouteOptions) -> bool:
    """Whether a route takes an Idempotency-Key. `method` is in upper case."""
    return method in METHODS and options.replayable and not options.public


class Keyed:
    """A request with a key. What `receive` hands on is part of what makes requests the same, as are path, query, If-Match and Content-Type."""

    def __init__(self, key: bytes, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._key = key_digest(key)
        asked = repr((scope["path"], scope["query_string"], header(scope, b"if-match"), header(scope, b"content-type")))
        self._asked = fingerprint(key, asked.encode("utf-8", "surrogatepass"))
        self._request: KeyedRequest | None = None

    async def receive(self) -> Message:
        """The next message of the request's body."""
        message = await self._receive()
        self._asked.update(message.get("body", b""))
        return message

    def begin(self, context: RequestContext, route: str) -> None:
        """Once the body is read: what is executed in `context` from here on is to be carried out once."""
        assert context.principal is not None  # public routes take no key
        self._request = context.keyed = KeyedRequest(
            tenant_id=context.tenant_id,
            user_id=context.principal.user_id,
            route=route,
            key=self._key,
            fingerprint=self._asked.digest(),
        )

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What the answer says of it."""
        return [REPLAYED] if self._request is not None and self._request.replayed else []


def keyed(scope: Scope, receive: Receive, *, taken: bool) -> Keyed | None:
    """The request, where it has a key. Raises `BadRequest` for one that is malformed, sent twice, or not `taken` by the route."""
    values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not values:
        return None
    text = values[0].decode("latin-1")
    if len(values) > 1 or not _KEY.fullmatch(text):
        raise BadRequest(f"Idempotency-Key is one text of 1 to {MAX_KEY_LENGTH} ASCII characters, such as a UUID.")
    if not taken:
        raise BadRequest("This route takes no Idempotency-Key: its answer is for nobody in particular, or must not be stored.")
    return Keyed(text.strip('"').encode(), scope, receive)
