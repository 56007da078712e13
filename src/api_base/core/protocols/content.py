"""Content that clients send: what it is, small pictures of it, and whether it is malware."""

from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedContent:
    """What a content is, whatever its sender declared. `size` is in bytes; `width` and `height`, in pixels, are None for other than images."""

    media_type: str
    size: int
    width: int | None = None
    height: int | None = None


class ContentInspector(Protocol):
    """Decides by its bytes whether a content may be stored. Hostile content costs a bounded amount of memory and time."""

    async def inspect(
        self, content: AsyncIterable[bytes], *, declared: str = "", allowed: Collection[str] | None = None
    ) -> InspectedContent:
        """Read `content` to its end, and return what it is.

        `declared` is the media type that the sender named; "" and `application/octet-stream` name none. `allowed` are the media types that this
        use accepts; None stands for `STORAGE__ALLOWED_TYPES`.

        Raises `ContentRefused` with a code and a reason that may be shown; the same content is refused again. Raises `Unavailable` if the
        content could not be inspected, which says nothing about it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """A small picture without metadata. `width` and `height` are in pixels."""

    media_type: str
    width: int
    height: int
    data: bytes = field(repr=False)


class Thumbnailer(Protocol):
    """Makes small pictures of images."""

    @property
    def available(self) -> bool:
        """Return whether thumbnails can be made: they need the extra `images`."""

    async def thumbnail(self, content: AsyncIterable[bytes], *, max_side: int) -> Thumbnail:
        """Return the image, upright, reduced to at most `max_side` (1 to 2048) pixels in width and height. A small image is not enlarged.

        Raises `ContentRefused` for what is no image or cannot be decoded within the limits, `Unavailable` if a retry may succeed, and
        `ConfigurationError` if thumbnails are not available.
        """


class ScanVerdict(StrEnum):
    """CLEAN and FOUND are statements about the content. UNAVAILABLE and TOO_LARGE are none: the content was not scanned to its end.

    NOT_SCANNED is the verdict without a scanner (`SCANNER__URL=none://`).
    """

    CLEAN = "clean"
    FOUND = "found"
    UNAVAILABLE = "unavailable"
    TOO_LARGE = "too_large"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerVersion:
    """`engine` and `signatures` are opaque, and empty without a scanner. Content scanned under other values may be scanned again."""

    engine: str
    signatures: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """`signature` is the name of what was found. `version` is the scanner's before the content was sent; None if it is not known.

    `reason` is for operators, for UNAVAILABLE and TOO_LARGE.
    """

    verdict: ScanVerdict
    version: ScannerVersion | None = None
    signature: str = ""
    reason: str = ""


class Scanner(Protocol):
    """Looks for malware. Errors of the scanner are verdicts; errors of the content's source are raised."""

    async def scan(self, content: AsyncIterable[bytes]) -> ScanResult:
        """Send `content` to the scanner with bounded memory, and return its verdict.

        The rest of the content is not read once the verdict is certain.
        """

    async def version(self) -> ScannerVersion:
        """Return the present version. Raises `Unavailable`."""
