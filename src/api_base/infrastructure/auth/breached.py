"""Known passwords: a file of SHA-1 hashes in hexadecimal, sorted, one in a line (the form of Have I Been Pwned's download)."""

import asyncio
import hashlib
import mmap
from pathlib import Path

from api_base.core.errors import ConfigurationError


class NoBreachedPasswords:
    """Implements `BreachedPasswords` where no list is configured."""

    async def contains(self, password: str) -> bool:
        del password
        return False


class BreachedPasswordFile:
    """Implements `BreachedPasswords`: a binary search in `path`, whose lines may go on after the hash (`:count`)."""

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"SECURITY__BREACHED_PASSWORDS: {path} cannot be read: {error}") from None

    async def contains(self, password: str) -> bool:
        wanted = hashlib.sha1(password.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest().upper().encode()
        return await asyncio.to_thread(self._search, wanted)

    def _search(self, wanted: bytes) -> bool:
        low, high = 0, len(self._content)
        while low < high:
            middle = (low + high) // 2
            start = self._content.rfind(b"\n", 0, middle) + 1
            found = self._content[start : start + len(wanted)].upper()
            if found == wanted:
                return True
            if found < wanted:
                end = self._content.find(b"\n", middle)
                low = high if end < 0 else end + 1
            else:
                high = start
        return False
