"""Content codings of responses [RFC 9110, section 8.4]: zstd [RFC 8878, 9659], br [RFC 7932] and gzip [RFC 1952], as the client prefers.

Small content is sent as it is, and so is what is compressed already. Nor does a route compress that issues secrets: from the lengths of
compressed responses, who makes a client repeat requests could guess what is beside their own input (BREACH).
"""

import asyncio
import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from starlette.types import Message, Send

from api_base.interface.routes.negotiation import content_coding

type Header = tuple[bytes, bytes]

MIN_BYTES: Final = 1_024
"""Size from which content is compressed: less fits into one packet as it is."""
MAX_INLINE_BYTES: Final = 65_536
"""Size up to which content is compressed on the event loop, which takes at most a millisecond. More is compressed in a thread."""
VARY: Final[Header] = (b"vary", b"accept-encoding")

_TEXT: Final = frozenset(
    {b"application/javascript", b"application/json", b"application/jsonl", b"application/xml", b"application/x-ndjson", b"image/svg+xml"}
)


class _Encoder(NamedTuple):
    """`write` takes a part, `flush` returns what is still missing of it, `end` what is missing of the whole."""

    write: Callable[[bytes], bytes]
    flush: Callable[[], bytes]
    end: Callable[[], bytes]


def _zstd() -> _Encoder:
    import zstandard  # imported at first use

    made = zstandard.ZstdCompressor(level=3).compressobj()
    return _Encoder(made.compress, lambda: made.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK), made.flush)


def _br() -> _Encoder:
    import brotli  # imported at first use

    made = brotli.Compressor(quality=4)
    return _Encoder(made.process, made.flush, made.finish)


def _gzip() -> _Encoder:
    made = zlib.compressobj(5, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return _Encoder(made.compress, lambda: made.flush(zlib.Z_SYNC_FLUSH), made.flush)


_ENCODERS: Final = {"zstd": _zstd, "br": _br, "gzip": _gzip}


async def compressed(accept_encoding: bytes, headers: Sequence[Header], content: bytes) -> tuple[list[Header], bytes]:
    """Return the headers and the content of a response in the coding that the client prefers, or as they are.

    The entity tag gets the coding as its end: it is another representation of the same version.
    """
    coding = content_coding(accept_encoding)
    if coding is None or not _compressible(headers):
        return [*headers, VARY], content
    content = await _encoded(_ENCODERS[coding](), content, more=False)
    described = [(b"content-encoding", coding.encode()), (b"content-length", b"%d" % len(content)), VARY]
    return [*(_tagged(one, coding) for one in headers if one[0] != b"content-length"), *described], content


def compressing(send: Send, accept_encoding: bytes | None, *, stored: bool = True) -> Send:
    """Return what sends a response in parts, or that of a plain route, compressed if the client accepts that.

    `stored`: only what may be stored, because a response with a secret says `no-store`.
    """
    return send if accept_encoding is None else _CompressedSend(send, accept_encoding, stored)


class _CompressedSend:
    """Compresses a response when it is sent.

    The strong entity tag of the route becomes a weak one, as proxies do it: the route compares with what it has issued.
    """

    def __init__(self, send: Send, accept_encoding: bytes, stored: bool) -> None:
        self._send, self._accept_encoding, self._stored = send, accept_encoding, stored
        self._start: Message | None = None
        self._encoder: _Encoder | None = None

    async def __call__(self, message: Message) -> None:
        """Hold the start of what may become smaller back until its first part says whether there are more."""
        if message["type"] == "http.response.start":
            headers = [(name.lower(), value) for name, value in message["headers"]]
            if message["status"] == 200 and _compressible(headers) and (_storable(headers) or not self._stored):
                self._start = {**message, "headers": headers}
            else:
                await self._send(message)
            return
        start, self._start = self._start, None
        part, more = message.get("body", b""), message.get("more_body", False)
        if start is None:
            part = part if self._encoder is None else await _encoded(self._encoder, part, more=more)
        else:
            part = await self._begin(start, part, more=more)
        await self._send({**message, "body": part})

    async def _begin(self, start: Message, part: bytes, *, more: bool) -> bytes:
        """Send the start of the response. Return what its first part becomes."""
        headers, coding = start["headers"], content_coding(self._accept_encoding)
        if coding is not None and (more or len(part) >= MIN_BYTES):
            self._encoder = _ENCODERS[coding]()
            part = await _encoded(self._encoder, part, more=more)
            headers = [_weakened(one) for one in headers if one[0] not in (b"content-length", b"accept-ranges")]
            headers += [(b"content-encoding", coding.encode()), *([] if more else [(b"content-length", b"%d" % len(part))])]
        await self._send({**start, "headers": [*headers, VARY]})
        return part


async def _encoded(encoder: _Encoder, part: bytes, *, more: bool) -> bytes:
    """Return what a part becomes: all of it, since the next one may take its time."""

    def encode() -> bytes:
        return encoder.write(part) + (encoder.flush() if more else encoder.end())

    return encode() if len(part) <= MAX_INLINE_BYTES else await asyncio.to_thread(encode)


def _compressible(headers: Sequence[Header]) -> bool:
    """Return whether content of this type becomes smaller, and has no coding yet. Events are sent as they come."""
    found = dict(headers)
    media_type = found.get(b"content-type", b"").partition(b";")[0].strip().lower()
    text = media_type in _TEXT or media_type.endswith(b"+json") or (media_type.startswith(b"text/") and media_type != b"text/event-stream")
    return text and not found.keys() & {b"content-encoding", b"content-range", b"set-cookie"}


def _storable(headers: Sequence[Header]) -> bool:
    cache = dict(headers).get(b"cache-control", b"")
    return b"no-store" not in cache and b"no-transform" not in cache


def _tagged(header: Header, coding: str) -> Header:
    return (header[0], header[1][:-1] + b".%b" % coding.encode() + b'"') if header[0] == b"etag" else header


def _weakened(header: Header) -> Header:
    return (header[0], b"W/" + header[1]) if header[0] == b"etag" and not header[1].startswith(b"W/") else header
