"""The parts of a form that a browser sends as multipart/form-data [RFC 7578], read while it arrives.

Parsed here, in a strict form: Starlette imports a library for it at every start, where one is installed.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from typing import Final

from api_base.interface.errors.http import MalformedBody

MEDIA_TYPE: Final = "multipart/form-data"
MAX_FIELD: Final = 16_384
"""Bytes of the header of a part, and of a content that `short` returns."""
_PARAMETER: Final = re.compile(r';[ \t]*+([^\s=;"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^;"]*+))[ \t]*+(?=;|$)', re.DOTALL)
"""A parameter of a header. Nothing is tried twice: the standard library takes 0.3 s for a header of 16 KiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The header of a part. `filename` is None for a field that is no file. `content_type` may be empty."""

    name: str
    filename: str | None
    content_type: str


def boundary_of(content_type: str) -> bytes:
    """Return the boundary in a Content-Type. Raises `MalformedBody`."""
    boundary = _parameter(content_type, "boundary")
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE or not boundary or not boundary.isascii():
        raise MalformedBody("The body is no form: send multipart/form-data with a boundary.")
    return boundary.encode()


class Multipart:
    """The parts of `body`, in order: `next`, then `content` or `short` of that part, and so on."""

    def __init__(self, boundary: bytes, body: AsyncIterable[bytes]) -> None:
        self._delimiter, self._body = b"\r\n--" + boundary, aiter(body)
        self._left, self._begun = bytearray(b"\r\n"), False

    async def next(self) -> Part | None:
        """Return the next part, None after the last. Raises `MalformedBody`."""
        if not self._begun:
            self._begun = True
            if await self._until(self._delimiter):
                raise _malformed()
        while len(self._left) < 2 and await self._more():
            pass
        if self._left.startswith(b"--"):
            while await self._more():  # an epilogue [RFC 2046, section 5.1.1]
                if len(self._left) > MAX_FIELD:
                    raise _malformed()
            return None
        return _part(await self._until(b"\r\n\r\n"))

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the content of the part. Raises `MalformedBody`."""
        while (end := self._left.find(self._delimiter)) < 0:
            if ready := len(self._left) - len(self._delimiter) + 1 if len(self._left) >= len(self._delimiter) else 0:
                yield bytes(self._left[:ready])
                del self._left[:ready]
            if not await self._more():
                raise _malformed()
        yield bytes(self._left[:end])
        del self._left[: end + len(self._delimiter)]

    async def short(self) -> bytes:
        """Return the content of the part. Raises `MalformedBody`, also for more than `MAX_FIELD` bytes."""
        return await self._until(self._delimiter)

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


def _part(header: bytes) -> Part:
    """Return a part by its header, which begins with the line break after the delimiter."""
    lines = header.split(b"\r\n")
    if lines[0].strip(b" \t"):
        raise _malformed()
    fields: dict[str, str] = {}
    try:
        for line in lines[1:]:
            field, _, value = line.partition(b":")
            fields.setdefault(field.strip().lower().decode("latin-1"), value.strip().decode())
    except UnicodeDecodeError:
        raise _malformed() from None
    if "content-disposition" not in fields:
        raise _malformed()
    disposition = fields["content-disposition"]
    name, filename = (_parameter(disposition, part) for part in ("name", "filename"))
    return Part(name=name or "", filename=filename, content_type=fields.get("content-type", ""))


def _parameter(value: str, name: str) -> str | None:
    """Return a parameter of a header, None without one. In the extended form [RFC 2231], which a form does not have, it is none."""
    for one in _PARAMETER.finditer(value):
        if one[1].lower() == name:
            quoted: str | None = one[2]
            return one[3].rstrip() if quoted is None else quoted.replace("\\\\", "\\").replace('\\"', '"')
    return None


def _malformed() -> MalformedBody:
    return MalformedBody("The form is malformed or incomplete: send multipart/form-data [RFC 7578].")
