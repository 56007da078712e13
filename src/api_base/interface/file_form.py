"""A form by which a browser sends a file [RFC 7578], read while it arrives. Its last field is `file`; the others are known beforehand.

Parsed here, in a strict form: Starlette imports a library for it at every start, where one is installed.
"""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from email.message import Message
from typing import Final

from api_base.interface.errors.http import BodyTooLarge, MalformedBody

FILE: Final = "file"
MAX_FIELD: Final = 16_384
"""Bytes of a field before the file, and of its header."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary in a Content-Type. Raises `MalformedBody`."""
    boundary = _parameter("content-type", content_type, "boundary")
    if content_type.partition(";")[0].strip().lower() != "multipart/form-data" or not boundary or not boundary.isascii():
        raise MalformedBody("The body is no form: send multipart/form-data with a boundary.")
    return boundary.encode()


class FileForm:
    """The content of the file in a form, to be iterated once. The other fields must have the values of `fields`."""

    def __init__(self, boundary: bytes, body: AsyncIterable[bytes], fields: Mapping[str, str], limit: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._body, self._expected, self._limit = aiter(body), fields, limit
        self._left = bytearray(b"\r\n")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content. Raises `MalformedBody`, and `BodyTooLarge` for a file of more than `limit` bytes."""
        found: dict[str, str] = {}
        if await self._until(self._delimiter):
            raise _malformed()
        while (name := _name(await self._until(b"\r\n\r\n"))) != FILE and len(found) < len(self._expected):
            found[name] = (await self._until(self._delimiter)).decode("utf-8", "replace")
        if name != FILE or found != self._expected:
            raise MalformedBody(f"The form has other fields before the file than it should have: send {', '.join(self._expected)}.")
        size = 0
        async for content in self._content():
            size += len(content)
            if size > self._limit:
                raise BodyTooLarge(self._limit)
            yield content
        while len(self._left) < 2 and await self._more():
            pass
        if not self._left.startswith(b"--"):
            raise MalformedBody("The form does not end after the file.")
        while await self._more():  # an epilogue [RFC 2046, section 5.1.1]
            if len(self._left) > MAX_FIELD:
                raise _malformed()

    async def _content(self) -> AsyncIterator[bytes]:
        """Yield the bytes before the next delimiter, and remove them and the delimiter."""
        while (end := self._left.find(self._delimiter)) < 0:
            if ready := len(self._left) - len(self._delimiter) + 1 if len(self._left) >= len(self._delimiter) else 0:
                yield bytes(self._left[:ready])
                del self._left[:ready]
            if not await self._more():
                raise _malformed()
        yield bytes(self._left[:end])
        del self._left[: end + len(self._delimiter)]

    async def _until(self, end: bytes) -> bytes:
        """Return the bytes before `end`, at most `MAX_FIELD`, and remove them and `end`."""
        while (at := self._left.find(end)) < 0:
            if len(self._left) > MAX_FIELD or not await self._more():
                raise _malformed()
        found = bytes(self._left[:at])
        del self._left[: at + len(end)]
        return found

    async def _more(self) -> bool:
        chunk = await anext(self._body, None)
        self._left += chunk or b""
        return chunk is not None


def _name(header: bytes) -> str:
    """Return the name of a field by its header, which begins with the line break after the delimiter."""
    lines = header.split(b"\r\n")
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition" and not lines[0].strip(b" \t"):
            return _parameter("content-disposition", value.strip().decode("latin-1"), "name")
    raise _malformed()


def _parameter(header: str, value: str, name: str) -> str:
    """Return a parameter of a header, empty without one. In the extended form [RFC 2231], which a form does not have, it is none."""
    message = Message()
    message[header] = value
    try:
        found = message.get_param(name, "", header=header)
    except (TypeError, ValueError):  # the library fails at parameters that are continued wrongly
        return ""
    return found if isinstance(found, str) else ""


def _malformed() -> MalformedBody:
    return MalformedBody("The form is malformed or incomplete: send multipart/form-data [RFC 7578].")
