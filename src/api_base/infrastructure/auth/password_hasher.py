"""Argon2id [RFC 9106] in threads of its own: a hash takes a core for a tenth of a second, so few run at once and the rest wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher


class Argon2PasswordHasher:
    """Implements `PasswordHasher`. `concurrency` hashes run at once in a process."""

    def __init__(self, concurrency: int) -> None:
        self._argon2 = PasswordHash((Argon2Hasher(),))
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="argon2")
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        return await self._in_thread(self._argon2.hash, password)

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        if hashed is None:
            await self._in_thread(self._verify, password, await self._dummy())
            return False, None
        return await self._in_thread(self._verify, password, hashed)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, password: str, hashed: str) -> tuple[bool, str | None]:
        try:
            return self._argon2.verify_and_update(password, hashed)
        except UnknownHashError:
            return False, None

    async def _dummy(self) -> str:
        """A hash of nobody's, so that an unknown user takes as long as a known one."""
        if self._nobody is None:
            self._nobody = await self._in_thread(self._argon2.hash, "nobody's password")
        return self._nobody

    async def _in_thread[*A, T](self, function: Callable[[*A], T], *args: *A) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
