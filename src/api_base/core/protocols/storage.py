"""Storage of objects: contents of any size under keys, read and written as streams.

A key is chosen by the application, never by a client: lower-case segments of `a-z`, `0-9`, `.`, `_` and `-`, separated by `/` (`valid_key`). Every
adapter has the same keys, so none of them can be a path outside the storage, and none differs only in case.
"""

import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, runtime_checkable

from api_base.core.errors import ProgrammingError

MAX_PARTS: Final = 10_000
MAX_PART_BYTES: Final = 67_108_864
"""Bytes of a part: an adapter may hold a part in memory."""
MAX_KEY_LENGTH: Final = 512
_KEY: Final = re.compile(r"[a-z0-9_-][a-z0-9._-]{0,127}(/[a-z0-9_-][a-z0-9._-]{0,127})*")

_CONTENT_TYPE: Final = re.compile(r"(?=.{3,255}\Z)[!-.0-~]+/[!-~]([ -~]*[!-~])?")


def valid_key(key: str) -> bool:
    """Return whether `key` may name an object.

    >>> valid_key("0198c6f2/picture-64.webp"), valid_key("../secret"), valid_key("A")
    (True, False, False)
    """
    return len(key) <= MAX_KEY_LENGTH and _KEY.fullmatch(key) is not None


def checked_key(key: str) -> str:
    """Return a valid key. Raises `ProgrammingError` for another one."""
    if not valid_key(key):
        raise ProgrammingError(f"{key[:100]!r} is not a key of an object: see valid_key.")
    return key


def checked_content_type(content_type: str) -> str:
    """Return a content type of printable ASCII, at most 255 characters, with a slash. Raises `ProgrammingError` for another one."""
    if _CONTENT_TYPE.fullmatch(content_type) is None:
        raise ProgrammingError(f"{content_type[:100]!r} is not a content type, such as text/plain.")
    return content_type


def checked_part(number: int, size: int) -> None:
    """Raise `ProgrammingError` for a number that no part has, or a size that is too large."""
    if not (1 <= number <= MAX_PARTS and 0 <= size <= MAX_PART_BYTES):
        raise ProgrammingError(f"A part has a number from 1 to {MAX_PARTS} and at most {MAX_PART_BYTES} bytes, not {number} and {size}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """`size` is in bytes. `etag` is opaque and has no quotes: another content under the same key has another one.

    `content_type` is empty in a listing. `version` is None where the storage keeps no versions.
    """

    key: str
    size: int
    etag: str
    modified_at: datetime
    content_type: str
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a multipart upload. `number` is 1 to `MAX_PARTS`, with gaps allowed; `size` is in bytes, at most `MAX_PART_BYTES`."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An upload that was begun and neither completed nor aborted; it may still be running. `upload` is its id for `abort_parts`.

    `key` is empty if the writer was killed before it had written it, or while it removed the upload.
    """

    key: str
    upload: str
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectRequest:
    """A request that a client sends to the storage itself until `expires_at`.

    A PUT carries exactly the `headers`. A POST is a form (multipart/form-data) with the `fields`, and the content as the last field, `file`.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]
    expires_at: datetime


class ObjectStorage(Protocol):
    """Every method raises `Unavailable` if the storage does not answer, and `ProgrammingError` for a key or content type that is not valid.

    An object appears as a whole or not at all, however the writing process ends. What is left of a writer that was killed is `unfinished`.
    """

    @property
    def minimum_part(self) -> int:
        """Return the size in bytes that each part but the last must have."""

    async def put(
        self,
        key: str,
        content: AsyncIterable[bytes],
        *,
        content_type: str,
        sha256: str | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> StoredObject:
        """Store a stream of any length, with bounded memory.

        Raises `ChecksumMismatch` if the content does not have the SHA-256 `sha256` (hexadecimal), `ObjectChanged` if an object exists
        (`if_absent`) or does not have the etag `if_match`. After any error, also one of `content`, nothing is stored; only after `Unavailable`
        it may be, because the answer was lost.
        """

    async def head(self, key: str) -> StoredObject:
        """Raises `NotFound`."""

    def read(self, key: str, *, start: int = 0, end: int | None = None, if_match: str | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` to before `end`; less if the object ends there, none if it ends before `start`.

        All bytes are of one content, also while the object is replaced. Raises `NotFound`, and `ObjectChanged` if the etag is not `if_match`.
        """

    async def copy(self, source: str, target: str, *, if_match: str | None = None) -> StoredObject:
        """Copy an object inside the storage. Raises `NotFound`, and `ObjectChanged` if the etag of the source is not `if_match`."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove every version of each object. A missing one is no error."""

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Yield the objects whose keys begin with `prefix`, in no particular order."""

    async def begin_parts(self, key: str, *, content_type: str) -> str:
        """Begin a multipart upload, and return its id. Other processes may continue it."""

    async def put_part(self, key: str, upload: str, number: int, content: AsyncIterable[bytes], size: int) -> Part:
        """Store a part of exactly `size` bytes. Send each number once, or again with the same content: which of two contents counts is up to the server.

        Raises `NotFound` for an unknown upload, `ChecksumMismatch` for a content of another size.
        """

    async def complete_parts(self, key: str, upload: str, parts: Sequence[Part]) -> StoredObject:
        """Store the parts as one object, in order of their numbers, and end the upload.

        Raises `NotFound` for an unknown upload, also if it was completed some time ago, and `ObjectChanged` if a part is not the stored one.
        """

    async def abort_parts(self, key: str, upload: str) -> None:
        """Remove an unfinished upload and its parts. An unknown one is no error."""

    def unfinished(self, prefix: str) -> AsyncIterator[Unfinished]:
        """Yield the unfinished uploads, those of `put` too, whose keys begin with `prefix`, and those whose key is not known."""

    async def presigned_get(self, key: str, *, lifetime: timedelta, content_type: str, disposition: str) -> str:
        """Return the URL by which a client reads the object until `lifetime` ends.

        The response has `content_type` as Content-Type and `disposition` as Content-Disposition.
        """

    async def presigned_put(self, key: str, *, lifetime: timedelta, size: int, content_type: str, sha256: str) -> DirectRequest:
        """Return the request by which a client stores exactly one content."""

    async def presigned_post(self, key: str, *, lifetime: timedelta, max_size: int, content_type: str) -> DirectRequest:
        """Return the form by which a client stores a content of at most `max_size` bytes."""

    async def close(self) -> None:
        """Release the connections; the next call opens others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a signed URL grants. `expires_at` is in seconds since the epoch.

    A PUT stores exactly `size` bytes with the SHA-256 `sha256`, a POST at most `size` bytes, both with the type `content_type`.
    """

    method: str
    key: str
    expires_at: int
    content_type: str
    disposition: str = ""
    size: int = 0
    sha256: str = ""

    @property
    def expires(self) -> datetime:
        """Return the time as a `datetime`."""
        return datetime.fromtimestamp(self.expires_at, UTC)


@runtime_checkable
class SignedStorage(Protocol):
    """A storage without an HTTP server of its own: this server answers its signed URLs, at `/storage/{ticket}`."""

    def ticket(self, text: str, method: str) -> Ticket:
        """Return what a URL grants for a method. Raises `Forbidden`."""

    async def head(self, key: str) -> StoredObject:
        """See `ObjectStorage`."""

    def read(self, key: str, *, start: int = 0, end: int | None = None, if_match: str | None = None) -> AsyncIterator[bytes]:
        """See `ObjectStorage`."""

    async def put(self, key: str, content: AsyncIterable[bytes], *, content_type: str, sha256: str | None = None) -> StoredObject:
        """See `ObjectStorage`."""
