"""What the storage holds after its writer, or its server, was killed."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from api_base.core.errors import NotFound, Unavailable
from api_base.core.protocols import ObjectStorage
from tests.contracts.test_object_storage import MIB, TEXT, chunks, contents, listed, local_storage, pattern, put, s3_storage, unfinished
from tests.integration.storage_writer import whole
from tests.services import ROOT, Killable, Proxy, Toxiproxy

KILLS: Final = int(os.environ.get("STORAGE_KILLS", "5"))
SEED: Final = 11


async def assert_whole(storage: ObjectStorage) -> set[str]:
    """The keys of the objects, all of which are complete."""
    keys = await listed(storage, "")
    for key in keys:
        assert whole(await contents(storage, key)), key
    return keys


def files_in(directory: Path) -> set[str]:
    return {path.name for path in directory.rglob("*") if path.is_file() and "locks" not in path.parts}


def killed_after(directory: Path, seed: int, seconds: float) -> None:
    command = [sys.executable, "-m", "tests.integration.storage_writer", str(directory), str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()


@pytest.mark.slow
async def test_a_killed_writer_leaves_whole_objects_and_leftovers_that_are_found(tmp_path: Path) -> None:
    storage, chosen, stored, left = local_storage(tmp_path), random.Random(SEED), 0, 0
    for number in range(KILLS):
        await asyncio.to_thread(killed_after, tmp_path, 1_000 * number, chosen.uniform(0.05, 0.6))
        stored += len(await assert_whole(storage))
        found = await unfinished(storage, "")
        left += len(found)
        for key, upload in found:
            await storage.abort_parts(key, upload)
        assert await unfinished(storage, "") == []
        assert [*(tmp_path / "uploads").iterdir()] == []
    assert stored > 0
    assert left > 0
    assert {name[-1:] for name in files_in(tmp_path)} == {"="}, "only objects are left"


async def test_a_writer_that_was_killed_before_it_described_its_content_leaves_something_without_a_key(tmp_path: Path) -> None:
    storage = local_storage(tmp_path)
    await put(storage, "a", b"content")
    (tmp_path / "uploads" / ("0" * 32)).touch()
    (tmp_path / "uploads" / ("1" * 32)).mkdir()
    assert sorted(await unfinished(storage, "")) == [("", "0" * 32), ("", "1" * 32)]
    assert sorted(await unfinished(storage, "a")) == [("", "0" * 32), ("", "1" * 32)], "whoever removes what was left of his keys finds it"
    for key, upload in await unfinished(storage, ""):
        await storage.abort_parts(key, upload)
    assert await unfinished(storage, "") == []


@pytest.fixture
async def killed(killable_s3: Killable) -> AsyncIterator[tuple[Killable, ObjectStorage]]:
    storage = s3_storage(killable_s3.url, timeout=5.0)
    yield killable_s3, storage
    await storage.close()


@pytest.mark.slow
async def test_a_killed_server_leaves_whole_objects_and_is_used_again(killed: tuple[Killable, ObjectStorage]) -> None:
    server, storage = killed
    before, data = pattern(6 * MIB, 1), pattern(24 * MIB, 2)
    await put(storage, "kill9/a", before)
    sent = asyncio.Event()

    async def watched() -> AsyncIterator[bytes]:
        async for chunk in chunks(data, MIB):
            yield chunk
            if chunk == data[15 * MIB : 16 * MIB]:
                sent.set()
                await asyncio.to_thread(server.kill)

    with pytest.raises(Unavailable):
        await storage.put("kill9/a", watched(), content_type=TEXT)
    assert sent.is_set()
    with pytest.raises(Unavailable):
        await storage.head("kill9/a")
    await asyncio.to_thread(server.start)
    fresh = s3_storage(server.url)
    assert await contents(fresh, "kill9/a") == before
    found = await unfinished(fresh, "kill9/")
    assert [key for key, _ in found] == ["kill9/a"]
    await fresh.abort_parts(*found[0])
    await put(fresh, "kill9/a", data)
    assert await contents(fresh, "kill9/a") == data
    await fresh.delete(["kill9/a"])
    await fresh.close()


@pytest.fixture
def proxy(toxiproxy: Toxiproxy, s3_url: str) -> Iterator[Proxy]:
    with toxiproxy.to(urlsplit(parse_qs(urlsplit(s3_url).query)["endpoint"][0]).netloc) as made:
        yield made


@pytest.fixture
async def proxied(proxy: Proxy, s3_url: str) -> AsyncIterator[Any]:
    url = f"{s3_url.partition('?')[0]}?endpoint=http://{proxy.host}:{proxy.port}"
    storage = s3_storage(url, timeout=1.0)
    yield storage
    await storage.close()


async def test_lost_connections_between_the_parts_are_replaced(proxied: ObjectStorage, proxy: Proxy) -> None:
    data = pattern(21 * MIB, 3)

    async def cut() -> AsyncIterator[bytes]:
        async for chunk in chunks(data, MIB):
            yield chunk
            if chunk == data[10 * MIB : 11 * MIB]:
                with proxy.down():
                    pass

    await proxied.put("proxied/a", cut(), content_type=TEXT)
    assert await contents(proxied, "proxied/a") == data
    await proxied.delete(["proxied/a"])


@pytest.mark.slow
async def test_a_silent_server_is_unavailable_within_its_timeouts(proxied: ObjectStorage, proxy: Proxy) -> None:
    await put(proxied, "proxied/b", b"content")
    with proxy.silent():
        for call in (proxied.head("proxied/b"), proxied.delete(["proxied/b"]), put(proxied, "proxied/c", b"content")):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(call, 30)


async def test_a_server_that_is_gone_is_unavailable(proxied: ObjectStorage, proxy: Proxy) -> None:
    proxy.cut()
    with pytest.raises(Unavailable):
        await proxied.head("a")
    with pytest.raises(Unavailable):
        await listed(proxied, "")
    with pytest.raises(Unavailable):
        await contents(proxied, "a")
    with pytest.raises(Unavailable):
        await proxied.begin_parts("a", content_type=TEXT)


async def test_versions_are_removed_with_their_object(s3_versions_url: str) -> None:
    storage, key = s3_storage(s3_versions_url), f"versions/{os.getpid()}"
    for number in range(3):
        stored = await put(storage, key, b"%d" % number)
        assert stored.version is not None
    await put(storage, f"{key}-other", b"other")
    await storage.delete([key])
    with pytest.raises(NotFound):
        await storage.head(key)
    api = await storage._client.api()
    page = await api.list_object_versions(Bucket="versions", Prefix=key)
    assert {one["Key"] for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]} == {f"{key}-other"}
    await storage.delete([f"{key}-other"])
    await storage.close()
