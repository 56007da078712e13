"""A form by which a browser sends a file [RFC 7578], read while it arrives. Its last field is `file`; the others are known beforehand."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Final

from api_base.interface.errors.http import BodyTooLarge, MalformedBody
from api_base.interface.routes.multipart import Multipart

FILE: Final = "file"


class FileForm:
    """The content of the file in a form, to be iterated once. The other fields must have the values of `fields`."""

    def __init__(self, boundary: bytes, body: AsyncIterable[bytes], fields: Mapping[str, str], limit: int) -> None:
        self._parts, self._expected, self._limit = Multipart(boundary, body), fields, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content. Raises `MalformedBody`, and `BodyTooLarge` for a file of more than `limit` bytes."""
        found: dict[str, str] = {}
        while (part := await self._parts.next()) is not None and part.name != FILE and len(found) < len(self._expected):
            found[part.name] = (await self._parts.short()).decode("utf-8", "replace")
        if part is None or part.name != FILE or found != self._expected:
            raise MalformedBody(f"The form has other fields before the file than it should have: send {', '.join(self._expected)}.")
        size = 0
        async for content in self._parts.content():
            size += len(content)
            if size > self._limit:
                raise BodyTooLarge(self._limit)
            yield content
        if await self._parts.next() is not None:
            raise MalformedBody("The form does not end after the file.")
