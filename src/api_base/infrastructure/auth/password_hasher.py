"""Password hashes by argon2id [RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes], computed off the event loop.

A hash takes about 100 ms of CPU and 64 MiB, so few run concurrently (see `PasswordThreads`). Passwords are normalized to NFC first, so that
equal passwords from different systems compare as equal [RFC 8265, OpaqueString].
"""

import asyncio
import base64
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api_base.core.errors import Unavailable
from api_base.core.protocols import PasswordHasher
from api_base.domain.common.text import normalized
from api_base.infrastructure.auth.password_attempts import PasswordAttempts

WAITING: Final = 16
"""Maximum number of waiting calls for each thread: at about 100 ms for a hash, less than two seconds."""


class PasswordThreads:
    """Threads for slow password operations: `threads` run, `waiting` more calls may wait for each thread, and further calls are refused.

    A flood of logins must neither take the whole processor nor make every client wait for half a minute. The refusal does not depend on
    the account.
    """

    def __init__(self, threads: int, name: str, *, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads * (1 + waiting)

    async def run[*A, T](self, function: Callable[[*A], T], *arguments: *A) -> T:
        """`function(*arguments)`, off the event loop. Raises `Unavailable` if too many calls wait."""
        if not self._free:
            raise Unavailable("The server is checking too many passwords. Try again in a few seconds.", retry_after=2.0)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
        finally:
            self._free += 1


class Argon2PasswordHasher(PasswordHasher):
    """Hashes at most `concurrency` passwords concurrently; `memory` is in KiB."""

    def __init__(self, concurrency: int, attempts: PasswordAttempts, *, passes: int = 3, memory: int = 65_536, lanes: int = 4) -> None:
        argon2 = Argon2Hasher(time_cost=passes, memory_cost=memory, parallelism=lanes)
        self._identify, self._hash = argon2.identify, PasswordHash((argon2,))
        self._random_hash = f"$argon2id$v=19$m={memory},t={passes},p={lanes}${_random(16)}${_random(32)}"
        self._threads, self._attempts = PasswordThreads(concurrency, "password"), attempts

    async def hash(self, password: str) -> str:
        """A salted hash of `password` in argon2's text form. Raises `Unavailable` if too many requests wait."""
        return await self._threads.run(self._hash.hash, _prepared(password))

    async def verify(self, password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
        """Whether `password` matches `hashed`, and a new hash if the parameters have changed.

        Without a hash (unknown user), or with one that is not argon2, verifies against a random hash: this takes as long and never succeeds.
        Raises `TooManyRequests` before that, if the account, the device or the address has to wait; `Unavailable` if too many requests wait.
        """
        charge = await self._attempts.charge(account, device)
        known = hashed is not None and self._identify(hashed)
        target = hashed if known and hashed is not None else self._random_hash
        try:
            good, new = await self._threads.run(self._hash.verify_and_update, _prepared(password), target)
        except Unavailable:
            await self._attempts.give_back(charge)
            raise
        if good and known:
            await self._attempts.give_back(charge)
        return good and known, new


def _prepared(password: str) -> bytes:
    return normalized(password).encode("utf-8", "surrogatepass")


def _random(length: int) -> str:
    """Random bytes in the encoding of argon2's text form: base64 without padding."""
    return base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
