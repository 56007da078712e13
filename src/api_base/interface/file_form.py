"""A form by which a browser sends a file [RFC 7578], read while it arrives. Its last field is `file`; the others are known beforehand."""

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from email.message import Message
from typing import Final

from api_base.interface.errors.http import BodyTooLarge, MalformedBody

FILE: Final = "file"
MAX_FIELDS: Final = 65_536
"""Bytes of everything but the content of the file."""


def boundary_of(content_type: str) -> bytes:
    """Return the boundary in a Content-Type. Raises `MalformedBody`."""
    message = Message()
    message["content-type"] = content_type
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary or not boundary.isascii():
        raise MalformedBody("The body is no form: send multipart/form-data with a boundary.")
    return boundary.encode()


class FileForm:
    """The content of the file in a form, to be iterated once. The other fields must have the values of `fields`."""

    def __init__(self, boundary: bytes, body: AsyncIterable[bytes], fields: Mapping[str, str], limit: int) -> None:
        self._body, self._expected, self._limit = body, fields, limit
        self._found: dict[str, str] = {}
        self._header, self._value, self._name = bytearray(), bytearray(), ""
        self._content: list[bytes] = []
        self._file = self._ended = False
        self._boundary = boundary

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the content. Raises `MalformedBody`, and `BodyTooLarge` for a file of more than `limit` bytes."""
        from python_multipart import MultipartParser  # by the first form
        from python_multipart.exceptions import FormParserError

        parser = MultipartParser(
            self._boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )
        received = size = 0
        async for chunk in self._body:
            received += len(chunk)
            try:
                parser.write(chunk)
            except FormParserError:
                raise MalformedBody("The form is malformed: send multipart/form-data [RFC 7578].") from None
            content, self._content = self._content, []
            size += sum(map(len, content))
            if size > self._limit or received - size > MAX_FIELDS:
                raise BodyTooLarge(self._limit)
            for part in content:
                yield part
        if not (self._file and self._ended):
            raise MalformedBody("The form is incomplete: its last field is the file.")

    def _on_part_begin(self) -> None:
        if self._file:
            raise MalformedBody("The form has a field after the file.")
        self._name = ""
        self._value.clear()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            message = Message()
            message["content-disposition"] = self._value.decode("latin-1")
            self._name = str(message.get_param("name", "", header="content-disposition"))
            self._file = self._name == FILE
        self._header.clear()
        self._value.clear()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._file:
            self._value += data[start:end]
            return
        if self._found != self._expected:
            raise MalformedBody(f"The form has other fields than it should have before the file: send {', '.join(self._expected)}.")
        self._content.append(data[start:end])

    def _on_part_end(self) -> None:
        if not self._file:
            self._found[self._name] = self._value.decode("utf-8", "replace")

    def _on_end(self) -> None:
        self._ended = True
