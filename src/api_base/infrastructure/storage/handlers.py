"""What the base does with content before it hands it out: inspection and thumbnails, each in a process of its own with limits.

The content is copied into a temporary file without a name, which the process reads as its standard input: nothing is left of it, however
either process ends. `inspection/process.py` has the limits. The temporary file is as large as the content. A content is copied once a process is free for
it, so `TMPDIR` needs the space of `CONCURRENCY` contents.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import IO, Any, Final

from api_base.core.di import missing_extra
from api_base.core.errors import ConfigurationError, ProgrammingError, Unavailable
from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import ContentInspector, InspectedContent, Thumbnail, Thumbnailer
from api_base.infrastructure.storage.inspection import EXHAUSTED, PROCESS

CONCURRENCY: Final = 2
"""Processes that read content at the same time, for each process of the application."""
CPU_SECONDS: Final = 20
TIMEOUT_SECONDS: Final = 120.0
"""For a machine so busy that the limit of CPU time takes long to reach, and a second more for each `BYTES_PER_SECOND`."""
BYTES_PER_SECOND: Final = 8_388_608
MAX_SIDE: Final = 2048
_BUFFER: Final = 262_144
_LIBRARIES: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_CRASHES: Final = {-number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)}


class SubprocessContent(ContentInspector, Thumbnailer):
    """`allowed` are the accepted media types where a use names none; `max_pixels` limits an image.

    `cpu_seconds` limits the time of the processor for one content; a large one may take a second longer for each 32 MiB.
    """

    def __init__(self, allowed: Collection[str], max_pixels: int, cpu_seconds: int = CPU_SECONDS) -> None:
        self._allowed, self._max_pixels, self._cpu_seconds = allowed, max_pixels, cpu_seconds
        self._slots = asyncio.Semaphore(CONCURRENCY)

    async def inspect(
        self, content: AsyncIterable[bytes], *, declared: str = "", allowed: Collection[str] | None = None
    ) -> InspectedContent:
        """Inspect `content`. See `ContentInspector`."""
        accepted = sorted(self._allowed if allowed is None else allowed)
        answer, _ = await self._run(content, side=None, declared=declared, allowed=accepted)
        return InspectedContent(**answer)

    @property
    def available(self) -> bool:
        """Whether Pillow is installed."""
        return missing_extra("images") is None

    async def thumbnail(self, content: AsyncIterable[bytes], *, max_side: int) -> Thumbnail:
        """Make a thumbnail as WebP. See `Thumbnailer`."""
        if not 1 <= max_side <= MAX_SIDE:
            raise ProgrammingError(f"A thumbnail has 1 to {MAX_SIDE} pixels in width and height, not {max_side}.")
        if missing := missing_extra("images"):
            raise ConfigurationError(f"A thumbnail {missing}")
        answer, data = await self._run(content, side=max_side)
        return Thumbnail(**answer, data=data)

    async def _run(self, content: AsyncIterable[bytes], **task: Any) -> tuple[dict[str, Any], bytes]:
        async with self._slots, _copy(content) as file:
            written = await _answer(file, {"pixels": self._max_pixels, "seconds": self._cpu_seconds, **task})
        line, _, data = written.partition(b"\n")
        answer = json.loads(line)
        if refused := answer.get("refused"):
            raise ContentRefused(*refused)
        return answer, data


@asynccontextmanager
async def _copy(content: AsyncIterable[bytes]) -> AsyncIterator[IO[bytes]]:
    try:
        with tempfile.TemporaryFile(buffering=_BUFFER) as file:
            async for piece in content:
                await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(file.seek, 0)
            yield file
    except OSError as error:
        raise Unavailable("The content cannot be copied for its inspection.", reason=error) from error


def _environment() -> dict[str, str]:
    """No secrets, but what the loader needs to find the library of a Python that is not installed where it was built."""
    return {"PATH": os.defpath, **{name: os.environ[name] for name in _LIBRARIES if name in os.environ}}


async def _answer(file: IO[bytes], task: Mapping[str, Any]) -> bytes:
    """Run the process. Raises `ContentRefused` if the content exhausts a limit or breaks a decoder, `Unavailable` for other ends."""
    command = (sys.executable, "-I", "-m", PROCESS, json.dumps(task))
    started = await asyncio.create_subprocess_exec(
        *command,
        stdin=file,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
        cwd="/",
        start_new_session=True,  # Ctrl-C at a worker in a terminal lets the inspection end
    )
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS + os.fstat(file.fileno()).st_size // BYTES_PER_SECOND):
            written, _ = await started.communicate()
    except TimeoutError as error:
        raise Unavailable("The content was not inspected in time.", reason=error) from error
    finally:
        if started.returncode is None:
            started.kill()
            await started.wait()
    if started.returncode == 0:
        return written
    if started.returncode == -signal.SIGXCPU:
        raise ContentRefused(*EXHAUSTED)
    if started.returncode in _CRASHES:
        raise ContentRefused("malformed", "The content breaks the program that reads it.")
    raise Unavailable("The content cannot be inspected.", reason=f"the process ended with {started.returncode}")
