"""What the roles can do in a migrated database, tried on it."""

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api_base.infrastructure.db.embedded import Urls

ONE, TWO, NONE = UUID(int=1), UUID(int=2), UUID(int=0)

INSERT = """
insert into items (tenant_id, id, sku, name, description, category, tags, attributes, status, version, created_at, updated_at)
values ($1, gen_random_uuid(), $2, $3, '', 'furniture', '{}', '{}', 'draft', 1, now(), now())
"""
AUDIT = """
insert into audit (id, tenant_id, at, request_id, trace_id, address, action, entity)
values (gen_random_uuid(), $1, now(), '', '', '', 'item.created', 'item')
"""

NAMES = ("Oak chair", "ÉTAGÈRE en chêne", "100% wool", "under_score", "back\\slash", "Oakley")


@asynccontextmanager
async def session(dsn: str, tenant: UUID | None = None):  # type: ignore[no-untyped-def]
    """A transaction for `tenant`, rolled back at its end."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("begin")
        if tenant is not None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def filled(shared_migrated: Urls) -> Iterator[Urls]:
    async def fill() -> None:
        connection = await asyncpg.connect(shared_migrated.owner)
        for tenant in (ONE, TWO):
            for number, name in enumerate(NAMES):
                await connection.execute(INSERT, tenant, f"s{number}", name)
            await connection.execute(AUDIT, tenant)
        await connection.execute(AUDIT, NONE)
        await connection.close()

    asyncio.run(fill())
    yield shared_migrated


def run(dsn: str, sql: str, *arguments: Any, tenant: UUID | None = None) -> list[asyncpg.Record]:
    async def once() -> list[asyncpg.Record]:
        async with session(dsn, tenant) as connection:
            rows: list[asyncpg.Record] = await connection.fetch(sql, *arguments)
            return rows

    return asyncio.run(once())


def test_app_sees_its_tenants_rows_and_none_without_a_tenant(filled: Urls) -> None:
    assert {row["tenant_id"] for row in run(filled.app, "select tenant_id from items", tenant=ONE)} == {ONE}
    assert {row["tenant_id"] for row in run(filled.app, "select tenant_id from audit", tenant=TWO)} == {TWO}
    for table in ("items", "audit"):
        assert run(filled.app, f"select from {table}") == []


def test_app_cannot_write_another_tenants_rows(filled: Urls) -> None:
    for tenant in (ONE, None):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            run(filled.app, INSERT, TWO, "x", "x", tenant=tenant)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            run(filled.app, AUDIT, TWO, tenant=tenant)
    assert run(filled.app, "update items set name = 'mine' where tenant_id = $1 returning 1", TWO, tenant=ONE) == []
    assert run(filled.app, "delete from items where tenant_id = $1 returning 1", TWO, tenant=ONE) == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        run(filled.app, "update items set tenant_id = $1", TWO, tenant=ONE)


def test_app_adds_to_the_audit_trail_of_its_tenant_and_of_nobody(filled: Urls) -> None:
    run(filled.app, AUDIT, ONE, tenant=ONE)
    run(filled.app, AUDIT, NONE)


@pytest.mark.parametrize(
    "sql",
    [
        "update audit set action = 'x'",
        "delete from audit",
        "truncate audit",
        "truncate items",
        "create table mine (id int)",
        "create temporary table mine (id int)",
        "drop table items",
        "alter table items disable row level security",
        "drop policy items_app on items",
        "update alembic_version set version_num = 'x'",
        "set role owner",
        "set role search",
        "set row_security = off; select from items",
    ],
)
def test_app_cannot(filled: Urls, sql: str) -> None:
    async def attempt() -> None:
        async with session(filled.app, ONE) as connection:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)

    asyncio.run(attempt())


def test_worker_sees_nothing_of_the_tenants(filled: Urls) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(filled.worker, "select from items")


def test_worker_reads_the_whole_audit_trail_and_changes_none_of_it(filled: Urls) -> None:
    assert {row["tenant_id"] for row in run(filled.worker, "select tenant_id from audit")} >= {ONE, TWO, NONE}
    for sql in ("update audit set action = 'x'", "delete from audit", "update audit_seals set number = 1", "delete from audit_seals"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            run(filled.worker, sql)


def test_guard_rows_raises_when_another_number_of_rows_changed(filled: Urls) -> None:
    assert run(filled.app, "select guard_rows(1, 1)")[0][0] == 1
    for changed in (0, 2, None):
        with pytest.raises(asyncpg.PostgresError) as told:
            run(filled.app, "select guard_rows(1, $1)", changed)
        assert told.value.sqlstate == "AB001"


SEARCH = "select name from items where tenant_id = $1 and id in (select id from search_items($1, $2, 1000)) order by name"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("oak", {"Oak chair", "Oakley"}),
        ("OAK ch", {"Oak chair"}),
        ("étagère", {"ÉTAGÈRE en chêne"}),
        ("étagère CHÊNE", {"ÉTAGÈRE en chêne"}),
        ("chêne étagère", {"ÉTAGÈRE en chêne"}),
        ("etagere chene", {"ÉTAGÈRE en chêne"}),
        ("100", {"100% wool"}),
        ("%", set()),
        ("under sc", {"under_score"}),
        ("_", set()),
        ("back\\slash", {"back\\slash"}),
        ("oaklye", {"Oakley"}),
        ("  oak   chair ", {"Oak chair"}),
        ("s0", {"Oak chair"}),
        ("no such thing", set()),
    ],
)
def test_search_finds_words_in_any_order(filled: Urls, query: str, found: set[str]) -> None:
    assert {row["name"] for row in run(filled.app, SEARCH, ONE, query, tenant=ONE)} == found


def test_search_answers_only_for_the_tenant_that_the_statement_runs_for(filled: Urls) -> None:
    search = "select search_items($1, $2, 1000)"
    assert len(run(filled.app, search, ONE, "oak", tenant=ONE)) == 2
    assert run(filled.app, search, TWO, "oak", tenant=ONE) == []
    assert run(filled.app, search, ONE, "oak") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        run(filled.worker, search, ONE, "oak", tenant=ONE)
