"""Reads a request's body: bounded in size and depth, with a media type that the route accepts."""

import asyncio
import re
from typing import Final

from jiter import from_json
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from api_base.core.errors.json_syntax import REPEATED_NAME, json_reason
from api_base.core.shared.json_depth import MAX_DEPTH, too_deep
from api_base.core.shared.strict_json import strict_json
from api_base.interface.errors.handlers import invalid_body, not_json
from api_base.interface.errors.http import BodyTooLarge, MalformedBody, UnsupportedMediaType
from api_base.interface.routes.unknown_members import refuse_many

DRAINED: Final = 8
"""Multiple of the limit that is read and discarded, so that the client can read the answer; beyond it the connection closes."""

MAX_INLINE_BYTES: Final = 16_384
"""Size up to which a body is validated on the event loop. A larger one is validated in a thread: it may take as long as a hundred requests."""

JSON: Final = ("application/json",)
PATCH: Final = ("application/merge-patch+json", "application/json")
FORM: Final = ("application/x-www-form-urlencoded",)
QUERY: Final = (*JSON, *FORM)
"""Those of the content of a QUERY [RFC 10008], which is what `Accept-Query` says."""


_NUMBER: Final = re.compile(rb"[0-9]{1,19}")
"""A valid Content-Length. A body with any other value is counted while it arrives."""


def media_type(scope: Scope) -> str:
    """Return the media type of the body in lower case, without parameters; empty without a Content-Type."""
    content_type: bytes = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return content_type.decode("latin-1").partition(";")[0].strip().lower()


async def read(scope: Scope, receive: Receive, limit: int, media_types: tuple[str, ...]) -> bytes:
    """Return the whole body. Raises `BodyTooLarge`, `UnsupportedMediaType`."""
    sent = media_type(scope)
    if sent not in media_types:
        wanted = " or ".join(media_types)
        raise UnsupportedMediaType(
            f"The content type {sent!r} is not supported here; send {wanted}."
            if sent
            else f"The Content-Type header is missing; send {wanted}."
        )
    for name, value in scope["headers"]:
        if name == b"content-length" and _NUMBER.fullmatch(value) and int(value) > limit * DRAINED:
            raise BodyTooLarge(limit)
        if name == b"content-encoding" and value.lower() != b"identity":
            raise UnsupportedMediaType(f"The content coding {value.decode('latin-1')!r} is not supported; send the body without a coding.")
    return await _received(receive, limit)


def declared_length(scope: Scope) -> int | None:
    """Return the Content-Length, 0 for a request without a body, None for a body of unknown length."""
    length = 0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            if not _NUMBER.fullmatch(value):
                return None
            length = int(value)
    return length


async def discard(receive: Receive, declared: int, limit: int) -> None:
    """Read a body that is too large, so that the client can read the answer. A much larger one is left: the connection closes."""
    left = declared if declared <= limit * DRAINED else 0
    while left > 0:
        message = await receive()
        if not message.get("more_body", False):
            return
        left -= len(message.get("body", b""))


async def _received(receive: Receive, limit: int) -> bytes:
    """Return the received bytes. Bytes beyond the limit are counted and discarded."""
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


async def validated[T: BaseModel](raw: bytes, model: type[T], adapter: TypeAdapter[T]) -> T:
    """Validate a JSON document by `adapter`, which is that of `model`. Raises what `parse` raises."""
    if len(raw) <= MAX_INLINE_BYTES:
        return parse(raw, adapter)
    return await asyncio.to_thread(parse, raw, adapter, model)


async def checked_json(receive: Receive, limit: int) -> bytes:
    """Return the whole body. Raises `BodyTooLarge`, and `MalformedBody` for one that is neither empty nor I-JSON [RFC 7493]."""
    raw = await _received(receive, limit)
    if raw:
        await document(raw)
    return raw


async def document(raw: bytes) -> object:
    """Return the value of a JSON document. Raises `MalformedBody` for one that is not I-JSON [RFC 7493]."""
    return _strict(raw) if len(raw) <= MAX_INLINE_BYTES else await asyncio.to_thread(_strict, raw)


def _strict(raw: bytes) -> object:
    _check_depth(raw)
    try:
        return strict_json(raw)
    except ValueError as error:
        raise MalformedBody(f"The body is not JSON: {json_reason(str(error))}.") from None


def _check_depth(raw: bytes) -> None:
    if too_deep(raw):
        raise MalformedBody(f"The body is nested more than {MAX_DEPTH} levels deep.")


def parse[T](raw: bytes, adapter: TypeAdapter[T], model: type[BaseModel] | None = None) -> T:
    """Validate a JSON document. Raises `MalformedBody` if it is not JSON, `Invalid` if it is not valid.

    With `model`, many unknown members of one object are one error.
    """
    _check_depth(raw)
    _check_names(raw, model)
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid" and not first["loc"]:
            raise MalformedBody(not_json(first["ctx"]) if raw else "The body is empty; send a JSON document.") from None
        raise invalid_body(error, from_json(raw)) from None


def _check_names(raw: bytes, model: type[BaseModel] | None) -> None:
    """Raises `MalformedBody` for an object with two members of one name [RFC 7493, section 2.3], and what `refuse_many` raises.

    Other errors are left to the validator.
    """
    if raw.count(b":") > 1:
        try:
            document = from_json(raw, catch_duplicate_keys=True)
        except ValueError as error:
            if str(error).startswith(REPEATED_NAME):
                raise MalformedBody(f"The body is not JSON: {json_reason(str(error))}.") from None
        else:
            if model is not None:
                refuse_many(document, model)
