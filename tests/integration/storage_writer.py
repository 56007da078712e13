"""A process that stores objects until it is killed: `python -m tests.integration.storage_writer DIRECTORY SEED`.

Every content begins with the SHA-256 of its rest, so that each object shows whether it is whole.
"""

import asyncio
import hashlib
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from api_base.core.errors import ObjectChanged
from api_base.infrastructure.storage.local_storage import LocalStorage
from tests.contracts.test_object_storage import local_storage

TYPE = "application/octet-stream"


def content(seed: int, size: int) -> bytes:
    rest = random.Random(seed).randbytes(size)
    return hashlib.sha256(rest).digest() + rest


def whole(found: bytes) -> bool:
    return hashlib.sha256(found[32:]).digest() == found[:32]


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 100_000):
        yield data[start : start + 100_000]


async def write(storage: LocalStorage, seed: int) -> None:
    chosen = random.Random(seed)
    key, data = f"killed/{chosen.randrange(8)}", content(seed, chosen.randrange(3_000_000))
    way = chosen.randrange(4)
    if way == 0:
        upload = await storage.begin_parts(key, content_type=TYPE)
        middle = len(data) // 2
        parts = [
            await storage.put_part(key, upload, number, chunks(part), len(part))
            for number, part in ((1, data[:middle]), (2, data[middle:]))
        ]
        await storage.complete_parts(key, upload, parts)
    elif way == 1:
        await storage.put(f"{key}-source", chunks(data), content_type=TYPE)
        await storage.copy(f"{key}-source", key)
        await storage.delete([f"{key}-source"])
    else:
        try:
            await storage.put(key, chunks(data), content_type=TYPE, if_absent=way == 2)
        except ObjectChanged:
            await storage.delete([key])


async def main(directory: str, seed: int) -> None:
    storage = local_storage(Path(directory))
    print("ready", flush=True)
    while True:
        await asyncio.gather(*(write(storage, seed + number) for number in range(4)))
        seed += 4


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
