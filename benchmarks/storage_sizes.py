"""`python -m benchmarks.storage_sizes URL WAY SIZE COUNT`: move COUNT objects of SIZE (64MiB, 2GiB) at the same time, and print a line of JSON.

WAY is `put` (a stream), `parts` (a multipart upload, part after part) or `read`. URL is `file:///directory` or that of S3. Every byte is compared. The memory
is what the process takes beyond that after a small object moved the same way. Without arguments: all ways of `STORAGE_SIZE` to a directory and to S3 of `make services`.
"""

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

MIB: Final = 1_048_576
CHUNK: Final = 65_536
PART: Final = 5 * MIB
UNITS: Final = {"KiB": 1024, "MiB": MIB, "GiB": 1024 * MIB}
BLOCK: Final = os.urandom(CHUNK - 8)


def bytes_of(size: str) -> int:
    found = re.fullmatch(r"(\d+)(KiB|MiB|GiB)", size)
    if found is None:
        raise SystemExit(f"{size} is no size: write 64MiB or 2GiB")
    return int(found[1]) * UNITS[found[2]]


async def content(size: int, start: int = 0) -> AsyncIterator[bytes]:
    """The bytes from `start` on: every chunk begins with its number."""
    for number in range(start // CHUNK, (start + size) // CHUNK):
        yield number.to_bytes(8, "big") + BLOCK


def digest_of(size: int) -> str:
    digest = hashlib.sha256()
    for number in range(size // CHUNK):
        digest.update(number.to_bytes(8, "big") + BLOCK)
    return digest.hexdigest()


def memory() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Peak(threading.Thread):
    """The highest memory from now on."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.first = self.highest = memory()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.005):
            self.highest = max(self.highest, memory())


def storage_at(url: str) -> Any:
    from api_base.infrastructure.minio.address import S3Address
    from api_base.infrastructure.minio.client import S3Client
    from api_base.infrastructure.minio.storage import S3Storage
    from api_base.infrastructure.resilience.patterns import Policy, PolicyConfig
    from api_base.infrastructure.storage.local_storage import LocalStorage
    from api_base.infrastructure.storage.signed_urls import SignedUrls
    from api_base.infrastructure.system import SystemClock

    if url.startswith("file://"):
        return LocalStorage(Path(url.removeprefix("file://")), SystemClock(), SignedUrls(lambda: [b""], ""))
    return S3Storage(S3Client(S3Address.parse(url), Policy("storage", PolicyConfig(timeout=60)), 60, "none"), SystemClock())


async def put(storage: Any, key: str, size: int, digest: str) -> None:
    await storage.put(key, content(size), content_type="application/octet-stream", sha256=digest)


async def parts(storage: Any, key: str, size: int, digest: str) -> None:
    del digest
    upload = await storage.begin_parts(key, content_type="application/octet-stream")
    sent = []
    for number, start in enumerate(range(0, size, PART), start=1):
        length = min(PART, size - start)
        sent.append(await storage.put_part(key, upload, number, content(length, start), length))
    await storage.complete_parts(key, upload, sent)


async def read(storage: Any, key: str, size: int, digest: str) -> None:
    found, length = hashlib.sha256(), 0
    async for block in storage.read(key):
        await asyncio.to_thread(found.update, block)
        length += len(block)
    assert (length, found.hexdigest()) == (size, digest), "not the bytes that were stored"


async def measured(url: str, way: str, size: int, count: int) -> dict[str, Any]:
    storage, ways = storage_at(url), {"put": put, "parts": parts, "read": read}
    keys, digest, small = [f"sizes/{os.getpid()}/{number}" for number in range(count)], digest_of(size), 16 * MIB
    await put(storage, "sizes/small", small, digest_of(small))
    await ways[way](storage, "sizes/small", small, digest_of(small))
    if way == "read":
        for key in keys:
            await put(storage, key, size, digest)
    peak, began = Peak(), time.perf_counter()
    peak.start()
    await asyncio.gather(*(ways[way](storage, key, size, digest) for key in keys))
    seconds = time.perf_counter() - began
    peak.over.set()
    peak.join()
    if way != "read":
        for key in keys:
            await read(storage, key, size, digest)
    await storage.delete([*keys, "sizes/small"])
    await storage.close()
    return {"memory_mib": round((peak.highest - peak.first) / MIB, 1), "mib_per_second": round(size * count / MIB / seconds)}


def main(size: str) -> None:
    s3 = os.environ.get("TEST_S3_URL")
    with tempfile.TemporaryDirectory(dir=os.environ.get("STORAGE_DIRECTORY")) as directory:
        for name, url in (("directory", f"file://{directory}"), ("S3", s3)):
            for way in ("put", "parts", "read") if url else ():
                command = [sys.executable, "-m", "benchmarks.storage_sizes", str(url), way, size, "1"]
                print(
                    f"{name:10} {way:6} {size}: {subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()}",
                    flush=True,
                )


if __name__ == "__main__":
    if len(sys.argv) == 5:
        print(json.dumps(asyncio.run(measured(sys.argv[1], sys.argv[2], bytes_of(sys.argv[3]), int(sys.argv[4])))))
    else:
        main(os.environ.get("STORAGE_SIZE", "2GiB"))
