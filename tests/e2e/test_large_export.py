"""A large list exported over HTTP: memory stays flat, the first byte comes at once, and a client that leaves frees everything.

100,000 items, or as many as LARGE_EXPORT_ITEMS says: `make large-export` exports 1,000,000.
"""

import asyncio
import http.client
import os
import time
from collections.abc import Iterator
from typing import Final

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import EmbeddedServer
from api_base.interface.routes.exports import MAX_CONCURRENT
from tests.e2e.conftest import Project
from tests.e2e.processes import rows, serving, until
from tests.e2e.test_import_by_http import Importing
from tests.e2e.test_large_import import MIB, memory, rest, server_of

ITEMS: Final = int(os.environ.get("LARGE_EXPORT_ITEMS", "100000"))
PATIENCE: Final = 60 + ITEMS / 2000
GROWTH: Final = 20 * MIB
FIRST_BYTE_SECONDS: Final = 0.2
PART: Final = 1 << 16
FILL: Final = f"""
set session_replication_role = replica;
insert into items select (select id from tenants where slug = 'demo'), gen_random_uuid(), 'SKU-' || lpad(n::text, 8, '0'), 'Chair ' || n, 'Four legs and a back',
n, 'EUR', 'furniture', '{{wood,red}}', '{{}}', 'draft', 1, timestamptz '2026-06-01' + n * interval '1 second', now(), null
from generate_series(1, {ITEMS}) n;
analyze items
"""


async def filled(project: Project) -> None:
    connection = await asyncpg.connect(EmbeddedServer(project.home / ".api-base/postgres").administrator_url(), timeout=PATIENCE)
    await connection.execute(FILL, timeout=PATIENCE)
    await connection.close()


@pytest.fixture(scope="module")
def exporting(project: Project) -> Iterator[Importing]:
    settings = {"RATE_LIMIT__REQUESTS": "1000000", "RATE_LIMIT__BURST": "1000000", "SERVER__REQUEST_TIMEOUT_SECONDS": "5"}
    with serving(project.home, "--no-worker", **settings) as backend:
        exporting = Importing(project, backend.ready())
        asyncio.run(filled(project))
        yield exporting


def begun(exporting: Importing, media_type: str, query: str = "") -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", exporting.backend.port, timeout=PATIENCE)
    connection.request("GET", f"/api/v1/items{query}", headers={"Accept": media_type, "Authorization": f"Bearer {exporting.token}"})
    return connection, connection.getresponse()


def exported(exporting: Importing, media_type: str) -> tuple[int, float, float]:
    """Export all items, and keep none: the number of lines, the seconds to the first byte, and all seconds."""
    began = time.monotonic()
    connection, response = begun(exporting, media_type)
    assert (response.status, response.getheader("content-type", "").partition(";")[0]) == (200, media_type)
    first, lines = response.read(1), 0
    assert first
    to_first = time.monotonic() - began
    while part := response.read(PART):
        lines += part.count(b"\n")
    connection.close()
    return lines, to_first, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(3 * PATIENCE)
def test_memory_is_flat_and_the_first_byte_comes_at_once(exporting: Importing) -> None:
    server = server_of(exporting.backend)
    for media_type in ("text/csv", "application/jsonl"):  # what is made at first use
        begun(exporting, media_type, "?sku=SKU-00000001")[0].close()
    before = rest(server)
    for media_type, headers in (("text/csv", 1), ("application/jsonl", 0)):
        lines, to_first, seconds = exported(exporting, media_type)
        growth = memory(server, "VmHWM") - before
        print(
            f"{ITEMS} items as {media_type}: {seconds:.1f} s, the first byte after {to_first * 1000:.0f} ms, memory +{growth / MIB:.1f} MiB"
        )
        assert lines == ITEMS + headers
        assert to_first <= FIRST_BYTE_SECONDS
        assert growth <= GROWTH


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_a_client_that_leaves_frees_everything(exporting: Importing) -> None:
    server = server_of(exporting.backend)
    before = rest(server)
    for _ in range(MAX_CONCURRENT + 1):  # one more than can run at a time
        connection, response = begun(exporting, "text/csv")
        assert response.status == 200
        assert len(response.read(PART)) == PART
        connection.close()

    def idle() -> bool:
        [[count]] = rows(
            exporting.project.home,
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() "
            "and application_name = 'api-base' and state <> 'idle'",
        )
        return count == "0"

    until(idle, "the end of all statements")
    connections = [begun(exporting, "text/csv") for _ in range(MAX_CONCURRENT - 1)]
    assert {response.status for _, response in connections} == {200}
    for connection, _ in connections:
        connection.close()
    assert memory(server, "VmHWM") - before <= GROWTH
