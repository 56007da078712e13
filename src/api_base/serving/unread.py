"""Requests that an overloaded process does not parse before it serves them: it refuses most of them.

To parse a request and to refuse it later takes half as long again as to refuse it by its bytes (`benchmarks overload`).
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from api_base.serving.request_input import is_exempt

if TYPE_CHECKING:
    from api_base.serving.connection import Connection

_PLAIN: Final = re.compile(
    rb"GET /[^ \r\n]*+ HTTP/1\.1\r\n"
    rb"(?:(?!(?i:content-length:|transfer-encoding:|expect:|upgrade:|connection:(?! ?keep-alive\r)))[^\s:]++:[^\r\n]*+\r\n)++\r\n"
)
"""One whole request, without a body, after which the connection stays open as it is [RFC 9112, sections 3, 6.3 and 9.3].

Nothing is tried twice: the time is linear, whatever a client sends.
"""

MAX_BYTES: Final = 16_384
"""A longer request is parsed immediately: it is refused by its length, or would take much memory while it waits."""


def is_plain(data: bytes) -> bool:
    """Return whether `data` is one whole request that may be refused by its bytes. Probes are not: they are never refused."""
    return len(data) <= MAX_BYTES and data.endswith(b"\r\n\r\n") and _PLAIN.fullmatch(data) is not None and not is_exempt(data)


class UnreadRequest:
    """Implements `Candidate` for a plain request that arrived on `connection` as `data`."""

    __slots__ = ("_connection", "data", "queued_at")

    def __init__(self, connection: "Connection", data: bytes) -> None:
        self._connection, self.data = connection, data
        self.queued_at = 0.0

    @property
    def gone(self) -> bool:
        """Whether the client has left, or the request was parsed because more input followed."""
        return self._connection.unread is not self

    def start(self) -> None:
        self._connection.read_admitted()

    def refuse(self) -> None:
        self._connection.refuse_unread()

    def headers(self) -> Iterator[tuple[bytes, bytes]]:
        """Return the header fields, as far as an answer needs them."""
        for line in self.data.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            yield name.lower(), value.strip()

    def path(self) -> bytes:
        """Return the path as it was sent."""
        return self.data[4 : self.data.index(b" ", 4)].partition(b"?")[0]
