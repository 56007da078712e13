"""A stored file, for a thread that reads it as a file: each read fetches one range, so that memory does not grow with the file."""

import asyncio
import io
from collections.abc import Buffer
from concurrent.futures import wait
from typing import BinaryIO, Final, cast

from api_base.application.common.importing.source_files import SourceFile

RANGE_BYTES: Final = 2_097_152
"""Bytes of one request to the storage."""


def readable(file: SourceFile) -> BinaryIO:
    """Implements `Readable`."""
    return cast("BinaryIO", _Reader(_StoredFile(file, asyncio.get_running_loop()), RANGE_BYTES))


class _Reader(io.BufferedReader):
    def close(self) -> None:
        """End the reading: the next read of a thread fails. The thread, which waits for the event loop, is not waited for."""
        self.raw.close()


class _StoredFile(io.RawIOBase):
    """Reads on `loop` and waits for it, so it is not used on the event loop itself, apart from `tell`."""

    def __init__(self, file: SourceFile, loop: asyncio.AbstractEventLoop) -> None:
        self._file, self._loop, self._at = file, loop, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        if self.closed:
            raise ValueError("The file is closed.")
        wanted = memoryview(buffer)
        end = min(self._at + len(wanted), self._file.size)
        if end <= self._at:
            return 0
        fetching = asyncio.run_coroutine_threadsafe(self._fetch(wanted, end), self._loop)
        while not wait([fetching], timeout=1).done:
            if self._loop.is_closed():
                raise ValueError("The event loop is closed.")
        count = fetching.result()
        self._at += count
        return count

    async def _fetch(self, buffer: memoryview, end: int) -> int:
        count = 0
        async for piece in self._file.read(self._at, end):
            buffer[count : count + len(piece)] = piece
            count += len(piece)
        return count
