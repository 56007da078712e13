"""The way of a request, as docs/architecture.md lists it: measured, short, and up to date."""

import re
from collections.abc import AsyncIterator

import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tools import request_path
from tools.request_path import PAGE, ROOT, SOURCE

MAX_FILES = 40


@pytest.fixture
async def files(migrated: Urls) -> AsyncIterator[list[str]]:
    async with running(settings_on(migrated)) as api:
        person = await api.person()
        yield await request_path.entered(api.app, person.access_token)


async def test_a_created_item_enters_at_most_40_files_and_the_page_lists_them(files: list[str]) -> None:
    assert len(files) <= MAX_FILES, "\n".join(files)
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert request_path.page(text, files) == text, "Run `make docs` and commit docs/architecture.md."


def test_every_file_that_the_page_names_exists() -> None:
    named = re.findall(r"`([a-z_0-9]+/[a-z_/0-9]+\.py)`", (ROOT / PAGE).read_text(encoding="utf-8"))
    assert "application/common/jobs/runner.py" in named
    assert [name for name in named if not (SOURCE / name).exists() and not (ROOT / name).exists()] == []
