"""Passwords as argon2id [RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes], hashed off the event loop.

A bounded pool of threads: a hash takes some 100 ms of CPU and 64 MiB, and a flood of logins must wait for its turn instead of
taking all of both. Equal passwords typed on different systems are equal: NFC first [RFC 8265, OpaqueString].
"""

import asyncio
import base64
import secrets
import unicodedata
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher


class Argon2PasswordHasher:
    """Implements `PasswordHasher`. At most `concurrency` passwords are hashed at once; `memory` is in KiB."""

    def __init__(self, concurrency: int, *, passes: int = 3, memory: int = 65_536, lanes: int = 4) -> None:
        argon2 = Argon2Hasher(time_cost=passes, memory_cost=memory, parallelism=lanes)
        self._identify, self._hash = argon2.identify, PasswordHash((argon2,))
        self._nobodys = f"$argon2id$v=19$m={memory},t={passes},p={lanes}${_random(16)}${_random(32)}"
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="password")

    async def hash(self, password: str) -> str:
        """A salted hash of `password` with its parameters, in argon2's text form."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hash.hash, _prepared(password))

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        """Whether `password` is the one behind `hashed`, and a new hash where ours costs more or less than that one.

        Without a hash (no such user), or with one that is no argon2, a random one is verified: as long, and never true.
        """
        known = hashed is not None and self._identify(hashed)
        target = hashed if known and hashed is not None else self._nobodys
        loop = asyncio.get_running_loop()
        good, new = await loop.run_in_executor(self._pool, self._hash.verify_and_update, _prepared(password), target)
        return good and known, new


def _prepared(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")


def _random(length: int) -> str:
    """Random bytes as argon2's text form writes salts and hashes: base64 without padding."""
    return base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
