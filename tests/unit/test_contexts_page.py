"""The Python of docs/contexts.md is two contexts without faults."""

from pathlib import Path

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.contexts.loading import BASE_REQUIRES
from api_base.bootstrap.wiring_check.names import COMMANDS
from api_base.cli.commands import app
from api_base.core.config import Settings
from api_base.operations.wiring import declared_faults
from tests.e2e.documentation import ROOT, blocks

IMPORTS = """\
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from pydantic import SecretStr
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware

from api_base.application.common.cqrs import replacing
from api_base.application.common.seeds import Seeds
from api_base.application.items.commands.create_item import CreateItem
from api_base.application.items.commands.item_transitions import ArchiveItem
from api_base.application.users.dtos import UserDTO
from api_base.application.users.queries import GetProfile
from api_base.bootstrap.context import Context, Ports
from api_base.core.config import Section
from api_base.core.protocols import HealthCheck
from api_base.domain.items.entities import ItemDetails
from api_base.infrastructure.users.queries import GetProfileHandler


class GreetedProfileHandler:
    def __init__(self, stored: GetProfileHandler, settings: "DeskSettings") -> None:
        self._stored, self._settings = stored, settings

    async def handle(self, query: GetProfile) -> UserDTO:
        found = await self._stored.handle(query)
        return replace(found, name=f"{self._settings.greeting}, {found.name}")


"""


def test_the_shown_contexts_have_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = "\n\n".join(block.text for block in blocks("python", "docs/contexts.md"))
    (tmp_path / "shown_desk.py").write_text(IMPORTS + shown)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    module = __import__("shown_desk")
    assert declared_faults(Settings(), [*BUILT_IN, module.DESK, module.STOCK]) == []


def test_the_page_says_what_can_be_left_out() -> None:
    text = (ROOT / "docs/contexts.md").read_text()
    rows = dict(line.strip("| ").split(" | ", 1) for line in text.splitlines() if line.startswith("| `") and line.count("|") == 3)
    said = {name: answer for names, answer in rows.items() for name in names.replace("`", "").split(", ")}
    required = {one.name: [other.name for other in BUILT_IN if one.name in other.requires] for one in BUILT_IN}
    for name in BASE_REQUIRES:
        assert said[name].startswith("no: the base")
    assert {name for name in required if said[name] == "yes"} == {name for name, others in required.items() if not others} - BASE_REQUIRES
    for name in ("audit", "flags"):
        assert said[name].startswith(f"with `{'`, `'.join(required[name])}`")
    assert {name for name in required if said[name].startswith("no: imports of `tenants`")} == {"files", "jobs"}


def test_the_names_of_the_base_s_commands_are_known() -> None:
    named = [one.name for one in app.registered_commands] + [one.name for one in app.registered_groups]
    assert set(named) == COMMANDS
