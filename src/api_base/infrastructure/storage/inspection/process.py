"""The process in which hostile content is read: `python -I -m api_base.infrastructure.storage.inspection.process TASK`.

The content is standard input, a file. The answer is one JSON object in the first line of standard output, followed by the bytes of a
thumbnail. The limits of memory and CPU time are set before the first byte is read. The process inherits no environment variable but the
path of the libraries, and no open file; it is no sandbox: a decoder that is taken over has the rights of the user, without the secrets of the settings.
"""

import json
import mmap
import os
import resource
import sys
from collections.abc import Callable
from typing import Any, Final

from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage.inspection import EXHAUSTED, Content
from api_base.infrastructure.storage.inspection.inspector import Rules, inspect

MEMORY: Final = 805_306_368
"""Bytes of address space, in addition to the mapped file."""
BYTES_PER_SECOND: Final = 33_554_432
"""A larger file may take longer."""
_OPEN_FILES: Final = 64


type Answer = tuple[dict[str, Any], bytes]


def _inspection(task: dict[str, Any]) -> Callable[[Content], Answer]:
    def inspected(content: Content) -> Answer:
        found = inspect(content, Rules(declared=task["declared"], allowed=task["allowed"], max_pixels=task["pixels"]))
        return {"media_type": found.media_type, "size": found.size, "width": found.width, "height": found.height}, b""

    return inspected


def _reduction(task: dict[str, Any]) -> Callable[[Content], Answer]:
    from api_base.infrastructure.storage.inspection.thumbnails import thumbnail

    def reduced(content: Content) -> Answer:
        small = thumbnail(content, task["side"], task["pixels"])
        return {"media_type": small.media_type, "width": small.width, "height": small.height}, small.data

    return reduced


def _bounded(work: Callable[[Content], Answer], content: Content) -> Answer:
    try:
        return work(content)
    except ContentRefused as refused:
        return {"refused": [refused.code, refused.message]}, b""
    except MemoryError:
        return {"refused": EXHAUSTED}, b""


def _limit(size: int, seconds: int) -> None:
    cpu = seconds + size // BYTES_PER_SECOND
    limits = {
        resource.RLIMIT_AS: (MEMORY + size, MEMORY + size),
        resource.RLIMIT_CPU: (cpu, cpu + 1),  # SIGXCPU at the first, which distinguishes it from other kills
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (_OPEN_FILES, _OPEN_FILES),
    }
    for kind, wanted in limits.items():
        _, most = resource.getrlimit(kind)
        soft, hard = (value if most == resource.RLIM_INFINITY else min(value, most) for value in wanted)
        resource.setrlimit(kind, (soft, hard))


def main() -> None:
    """Answer the task that the first argument is."""
    task = json.loads(sys.argv[1])
    work = _inspection(task) if task["side"] is None else _reduction(task)  # imports, which may write byte code
    size = os.fstat(sys.stdin.fileno()).st_size
    _limit(size, task["seconds"])
    content: Content = mmap.mmap(sys.stdin.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    answer, data = _bounded(work, content)
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)


if __name__ == "__main__":
    main()
