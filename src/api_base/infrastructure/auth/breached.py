"""Breached passwords: a list of SHA-1 hashes in the format of Have I Been Pwned ("ordered by hash").

Searches the file with `pread`, off the event loop. It does not use a memory map, because a page fault would hold the interpreter lock
while the disk is read.
"""

import asyncio
import hashlib
import os
from pathlib import Path

from api_base.core.errors import ConfigurationError, Unavailable
from api_base.core.protocols import BreachedPasswords

_DIGITS = 40
_BLOCK = 4096
"""Ranges of fewer bytes are read in one go; a line has about 45 bytes."""


class NoBreachedPasswords(BreachedPasswords):
    """Used without a list: contains no password."""

    async def contains(self, password: str) -> bool:
        """Always False."""
        del password
        return False


class BreachedPasswordFile(BreachedPasswords):
    """A sorted file of lines `<SHA-1 in upper-case hex>[:<count>]`.

    Raises `ConfigurationError` if the file cannot be read or does not begin with such a line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                first = file.read(_DIGITS)
        except OSError as error:
            raise ConfigurationError(f"SECURITY__BREACHED_PASSWORDS: {path} cannot be read ({error.strerror})") from None
        if len(first) != _DIGITS or first.strip(b"0123456789ABCDEF"):
            raise ConfigurationError(
                f"SECURITY__BREACHED_PASSWORDS: {path} does not begin with a line <SHA-1 in upper-case hex>[:<count>]; "
                "use the list that is ordered by hash"
            )

    async def contains(self, password: str) -> bool:
        """Whether `password` is on the list. Raises `Unavailable` if the file cannot be read."""
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()
        try:
            return await asyncio.to_thread(self._search, digest)
        except OSError as error:
            raise Unavailable(f"The list of breached passwords cannot be read: {error.strerror}.") from error

    def _search(self, digest: bytes) -> bool:
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            low, high = 0, os.fstat(descriptor).st_size  # the line begins in low..high, if it is there; one begins at low
            while high - low > _BLOCK:
                middle = (low + high) // 2
                begin, line = _line_after(descriptor, middle)
                if line <= digest:
                    low = begin
                else:
                    high = middle
            return any(line.startswith(digest) for line in os.pread(descriptor, high - low + 2 * _DIGITS, low).split(b"\n"))
        finally:
            os.close(descriptor)


def _line_after(descriptor: int, offset: int) -> tuple[int, bytes]:
    """The offset of the first line that begins after `offset`, and its hash."""
    block = os.pread(descriptor, 4 * _DIGITS, offset)
    begin = block.index(b"\n") + 1 if b"\n" in block else len(block)
    return offset + begin, block[begin : begin + _DIGITS]
