"""Reading a request's body: bounded in size and in depth, of a media type that the route takes."""

from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from api_base.interface.errors.handlers import invalid_of
from api_base.interface.errors.http import BodyTooLarge, MalformedBody, UnsupportedMediaType

DEEPEST: Final = 32
DRAINED: Final = 8
"""Times the limit that is read and thrown away, so that the client gets to read the answer; beyond that the connection is closed."""

JSON: Final = ("application/json",)
PATCH: Final = ("application/merge-patch+json", "application/json")
FORM: Final = ("application/x-www-form-urlencoded",)


async def read(scope: Scope, receive: Receive, limit: int, media_types: tuple[str, ...]) -> bytes:
    """The whole body. Raises `BodyTooLarge`, `UnsupportedMediaType`."""
    content_type, length = b"", None
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"content-length":
            length = int(value) if value.isdigit() else None
    media_type = content_type.decode("latin-1").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise UnsupportedMediaType(media_type, " or ".join(media_types))
    if length is not None and length > limit * DRAINED:
        raise BodyTooLarge(limit)
    return await _received(receive, limit)


async def _received(receive: Receive, limit: int) -> bytes:
    """What comes in; what is too much is counted and thrown away."""
    body, size, more = bytearray(), 0, True
    while more and size <= limit * DRAINED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        more, size = message.get("more_body", False), size + len(chunk)
        if size <= limit:
            body += chunk
    if size > limit:
        raise BodyTooLarge(limit)
    return bytes(body)


def parse(raw: bytes, adapter: TypeAdapter[Any]) -> Any:
    """Validate JSON. Raises `MalformedBody` for what is none, `Invalid` for what is not acceptable."""
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and _depth(raw) > DEEPEST:
        raise MalformedBody(f"The body is nested more than {DEEPEST} levels deep.")
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise MalformedBody(f"The body is not JSON: {first['ctx']['error']}." if raw else "A JSON body is needed.") from None
        raise invalid_of(error, "body") from None


def _depth(raw: bytes) -> int:
    """How deep brackets are nested outside strings."""
    deepest = depth = 0
    quoted = escaped = False
    for byte in raw:
        if quoted:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                quoted = False
        elif byte == 0x22:
            quoted = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
