"""What a client may send: frames per second, fragments, size, and text only [RFC 6455, section 5.6]."""

from collections.abc import Generator
from enum import Enum, auto
from typing import Final

from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State
from websockets.streams import StreamReader

from api_base.core.config.websocket import WebSocketSettings
from api_base.interface.websocket import socket as codes

MAX_WAITING: Final = 16
"""Messages that wait for the handler; nothing is read meanwhile."""
MAX_FRAGMENTS: Final = 1024
"""Frames of one message."""


class UnacceptableFrame(Exception):
    """A frame that ends the connection with this close code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class _Part(Enum):
    """What a frame of a client consists of."""

    HEAD = auto()
    LENGTH = auto()
    MASK = auto()
    PAYLOAD = auto()


class FrameReader(StreamReader):
    """Refuses a payload length that is not in the fewest bytes [RFC 6455, section 5.2], which the library accepts."""

    _part = _Part.HEAD

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """Read the next part of a frame: the library reads each by one call. Raises `ProtocolError`."""
        data = yield from super().read_exact(n)
        match self._part:
            case _Part.HEAD:
                self._part = _Part.LENGTH if data[1] & 0x7F > 125 else _Part.MASK
            case _Part.LENGTH:
                if int.from_bytes(data) < (126 if n == 2 else 65_536):
                    raise ProtocolError("the payload length must be in the fewest bytes")
                self._part = _Part.MASK
            case _Part.MASK:
                self._part = _Part.PAYLOAD
            case _Part.PAYLOAD:
                self._part = _Part.HEAD
        return data


class ServerProtocol(Protocol):
    """The library's protocol after the handshake, with a `FrameReader`. `max_size` is that of a message, in bytes."""

    def __init__(self, max_size: int) -> None:
        super().__init__(Side.SERVER, state=State.OPEN, max_size=max_size)
        self.reader = FrameReader()
        self.parser = self.parse()
        next(self.parser)  # as the library starts it


class IncomingMessages:
    """Joins the frames of one client to messages. Times are those of the event loop, in seconds."""

    __slots__ = ("_allowance", "_allowed_at", "_fragments", "_opcode", "_settings")

    def __init__(self, settings: WebSocketSettings, now: float) -> None:
        self._settings = settings
        self._fragments: list[bytes] = []
        self._opcode = Opcode.TEXT
        self._allowance, self._allowed_at = float(settings.frame_burst), now

    def allow(self, now: float) -> None:
        """Count a frame of any kind. Raises `UnacceptableFrame` for one too many."""
        settings = self._settings
        self._allowance = min(settings.frame_burst, self._allowance + (now - self._allowed_at) * settings.frames_per_second)
        self._allowed_at = now
        if self._allowance < 1:
            raise UnacceptableFrame(codes.POLICY_VIOLATION, f"more than {settings.frames_per_second} frames per second")
        self._allowance -= 1

    def add(self, frame: Frame, *, max_bytes: int) -> str | None:
        """Return the message that a data frame completes, None before its end. Raises `UnacceptableFrame`."""
        if frame.opcode is not Opcode.CONT:
            self._opcode = frame.opcode
        if self._opcode is Opcode.BINARY:
            raise UnacceptableFrame(codes.UNSUPPORTED_DATA, "binary messages are not supported; send text")
        self._fragments.append(bytes(frame.data))
        if len(self._fragments) > MAX_FRAGMENTS:
            raise UnacceptableFrame(codes.POLICY_VIOLATION, f"more than {MAX_FRAGMENTS} frames in one message")
        if not frame.fin:
            return None
        data, self._fragments = b"".join(self._fragments), []
        if len(data) > max_bytes:
            raise UnacceptableFrame(codes.MESSAGE_TOO_BIG, f"more than {max_bytes} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise UnacceptableFrame(codes.INVALID_DATA, "the message is not UTF-8") from None
