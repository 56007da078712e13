"""The client of version 1 as it was released, against this server: each answer is byte for byte as before."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.integration.recorded_release import FILE, STEPS, answers

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(shared_migrated: Urls) -> AsyncIterator[list[dict[str, Any]]]:
    async with running(settings_on(shared_migrated)) as api:
        answered = await answers(api)
    if "RECORD" in os.environ:
        FILE.write_text(json.dumps(answered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    yield answered


@pytest.mark.parametrize("number", range(len(STEPS)), ids=lambda number: f"{number:03} {STEPS[number].method}")
async def test_an_answer_is_as_it_was(found: list[dict[str, Any]], number: int) -> None:
    released = json.loads(FILE.read_text(encoding="utf-8"))
    assert len(released) == len(STEPS)
    assert found[number] == released[number]
