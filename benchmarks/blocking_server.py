"""The measured side of `blocking`: the server as shipped, which notes the longest turn of its event loop in thread CPU time.

`python -m benchmarks.blocking_server DESCRIPTOR FILE` serves on a socket. A callback that schedules itself again sees each turn of the loop:
one poll with everything that was ready. The first eight bytes of FILE are the longest turn since the reader set them to zero, in nanoseconds.
"""

import asyncio
import mmap
import socket
import sys
import time
from pathlib import Path

import uvloop

from api_base.bootstrap.application import create_app
from api_base.bootstrap.configuration import load
from api_base.serving.server_process import serve


def main(descriptor: int, file: Path) -> None:
    settings, contexts = load("server")
    with file.open("r+b") as opened:
        longest = mmap.mmap(opened.fileno(), 8)

    async def measured() -> None:
        loop, before = asyncio.get_running_loop(), time.thread_time_ns()

        def turn() -> None:
            nonlocal before
            now = time.thread_time_ns()
            if now - before > int.from_bytes(longest[:8]):
                longest[:8] = (now - before).to_bytes(8)
            before = time.thread_time_ns()
            loop.call_soon(turn)

        loop.call_soon(turn)
        await serve(create_app(settings, contexts), socket.socket(fileno=descriptor), settings.server, lambda: None)

    asyncio.run(measured(), loop_factory=uvloop.new_event_loop)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
