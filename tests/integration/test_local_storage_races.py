"""The local storage under writers that delete, abort and are cancelled at the same time."""

import asyncio
import threading
from pathlib import Path
from typing import Final

import pytest

from api_base.core.errors import NotFound, Unavailable
from api_base.infrastructure.storage.local_storage import in_thread
from tests.contracts.test_object_storage import TEXT, chunks, listed, local_storage, put

ROUNDS: Final = 60


@pytest.mark.slow
async def test_the_last_objects_of_a_directory_are_deleted_at_the_same_time(tmp_path: Path) -> None:
    storage = local_storage(tmp_path)
    for _ in range(ROUNDS):
        keys = [f"a/b/{number}" for number in range(6)]
        await asyncio.gather(*(put(storage, key, b"content") for key in keys))
        await asyncio.gather(*(storage.delete([key]) for key in keys))
        assert await listed(storage, "") == set()


async def test_a_part_that_arrives_while_its_upload_is_aborted_leaves_nothing(tmp_path: Path) -> None:
    storage = local_storage(tmp_path)

    async def send(upload: str, number: int) -> None:
        with pytest.raises(NotFound):
            while True:
                await storage.put_part("a", upload, number, chunks(b"part"), 4)

    for _ in range(ROUNDS):
        upload = await storage.begin_parts("a", content_type=TEXT)
        sending = [asyncio.create_task(send(upload, number)) for number in range(1, 5)]
        await storage.put_part("a", upload, 5, chunks(b"part"), 4)
        await storage.abort_parts("a", upload)
        await asyncio.gather(*sending)
        assert [*(tmp_path / "uploads").iterdir()] == []


async def test_a_caller_that_is_cancelled_twice_waits_for_its_thread() -> None:
    began, released = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        released.wait(10)

    caller = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 10)
    for _ in range(2):
        caller.cancel()
        await asyncio.wait([caller], timeout=0.05)
    assert not caller.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_check_creates_nothing_and_names_what_is_in_the_way(tmp_path: Path) -> None:
    root = tmp_path / "not" / "yet"
    assert await local_storage(root).check() == str(root)
    assert not (tmp_path / "not").exists()
    (tmp_path / "not").write_text("a file")
    with pytest.raises(Unavailable, match="cannot be used") as refused:
        await local_storage(root).check()
    assert str(tmp_path / "not") in refused.value.reason
