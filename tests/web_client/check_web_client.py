"""OFREP by npm's `@openfeature/ofrep-web-provider`, which we did not write: `make web-client`. It needs the npm registry, so no other target runs it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from api_base.infrastructure.db.embedded import Urls
from tests.application import running, settings_on
from tests.factories.flags import HIT, TEMPLATE, canonical, document, snapshot
from tests.flag_server import StatedFlags, serving
from tests.node import NODE, install

HERE = Path(__file__).parent
BY_COUNTRY = document(
    key="by-country",
    type="string",
    client=True,
    variants={"here": "here", "there": "there"},
    default_variant="there",
    rules=[{"conditions": [{"attribute": "country", "operator": "in", "values": ["PT"]}], "variant": "here"}],
)


@asynccontextmanager
async def node(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        NODE, "client.mjs", *arguments, cwd=folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    yield process
    assert await process.wait() == 0


async def said(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(await process.stdout.readline())
    return found


@pytest.mark.asyncio
async def test_the_web_provider_reads_all_flags_and_polls_with_their_tag(shared_migrated: Urls, tmp_path: Path) -> None:
    await asyncio.to_thread(install, HERE, tmp_path)
    flags, settings = StatedFlags(), settings_on(shared_migrated)
    public = [*(one | {"client": True} for one in canonical()), BY_COUNTRY, document(key="internal", default_variant="on")]
    async with running(settings) as people:
        ana = await people.person()
    with serving(settings, flags) as url:
        flags.current.replace(snapshot(*public))
        async with node(tmp_path, url, ana.access_token) as process:
            first = await said(process)
            assert first["first"] == 200
            shown = {name: (one["value"], one["reason"], one.get("errorCode")) for name, one in first["flags"].items()}
            assert shown == {
                "boolean": (True, "STATIC", None),
                "string": ("hi", "STATIC", None),
                "number": (2**53 - 1, "STATIC", None),
                "zero": (0, "STATIC", None),
                "object": (TEMPLATE, "STATIC", None),
                "disabled": (True, "DISABLED", None),
                "internal": (True, "ERROR", "FLAG_NOT_FOUND"),
                "mismatch": (True, "ERROR", "TYPE_MISMATCH"),
                "country": ("here", "TARGETING_MATCH", None),
                "identity": ("miss", "DEFAULT", None),
            }, f"the targeting key {HIT} of the client counts for nothing"
            assert set((await said(process))["unchanged"]) == {304}
            assert await said(process) == {"spain": "there"}
            assert await said(process) == {"waiting": True}
            flags.current.replace(
                snapshot(*(one | ({"default_variant": "bar"} if one["key"] == "changing-flag" else {}) for one in public))
            )
            assert process.stdin is not None
            process.stdin.write(b"changed\n")
            assert await said(process) == {"changed": ["changing-flag"], "value": "bar"}
            assert set((await said(process))["unchanged"]) == {304}
