"""What a page of each declared filter and sort costs among 100,000 rows, as the role `app`: an index whose condition and order bound it.

The rule: a page of ten touches at most `TOUCHED` rows and `BUFFERS` blocks, the first as one far behind a cursor, and no table is
read in sequence. The rows are laid out against it: what a filter matches is many, and lies at the far end of the default order.
An operator that cannot hold this is declared as `scan`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api_base.application.audit.list_audit import AUDIT_FIELDS
from api_base.application.common.listing import MAX_ROWS, Field, Fields, ListRequest, Sort
from api_base.application.files.queries import FILE_FIELDS
from api_base.application.items.queries import ITEM_FIELDS
from api_base.application.tenants.queries import INVITATION_FIELDS, MEMBER_FIELDS
from api_base.application.users.queries import USER_FIELDS
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification, Specification
from api_base.infrastructure.audit import queries as audit
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.query_builder import PageBuilder
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement
from api_base.infrastructure.files import queries as files
from api_base.infrastructure.items import queries as items
from api_base.infrastructure.tenants import queries as tenants
from api_base.infrastructure.users import queries as users
from api_base.testing.databases import Postgres
from tests.support import act_for

pytestmark = pytest.mark.slow

ROWS, PAGE, FAR = 100_000, 10, 250
TOUCHED, BUFFERS = 64, 250
"""Rows and blocks: a page, and what an incremental sort takes in advance."""

TENANT = UUID(int=1)
ID = "('00000000-0000-0000-0002-' || lpad(({})::text, 12, '0'))::uuid"
FILL = (
    "set session_replication_role = replica",  # no triggers, no checks of foreign keys: rows, quickly
    f"""insert into items select '{TENANT}', gen_random_uuid(), 'SKU-' || lpad(r::text, 7, '0'), 'Chair ' || lpad((r / 500)::text, 4, '0'),
    'Four legs', r / 500, case when n <= {ROWS} / 2 then 'EUR' else 'USD' end, 'category ' || lpad((r / 5000)::text, 2, '0'), '{{}}', '{{}}',
    (array['archived', 'published', 'draft'])[1 + n / ({ROWS} / 3 + 1)], 1, timestamptz '2026-06-01' + n * interval '1 minute',
    timestamptz '2026-06-01' + r / 500 * interval '1 day',
    case n % 20 when 0 then timestamptz '2026-06-01' + r / 10000 * interval '1 day' end
    from (select n, {ROWS} - n as r from generate_series(1, {ROWS}) n) numbers""",
    """insert into items select ('00000000-0000-0000-0001-' || lpad((n / 20)::text, 12, '0'))::uuid, gen_random_uuid(), 'SKU-' || n, 'Chair ' || n % 7,
    '', 100, 'EUR', 'category 01', '{}', '{}', 'draft', 1, now(), now(), null from generate_series(1, 10000) n""",
    f"""insert into memberships select '{TENANT}', gen_random_uuid(), gen_random_uuid(),
    (array['owner', 'admin', 'member', 'viewer'])[1 + n / ({ROWS} / 4 + 1)], 1, timestamptz '2026-06-01' - n * interval '1 minute', now()
    from generate_series(1, {ROWS}) n""",
    """insert into memberships select ('00000000-0000-0000-0001-' || lpad((n / 20)::text, 12, '0'))::uuid, gen_random_uuid(), gen_random_uuid(),
    'member', 1, now(), now() from generate_series(1, 10000) n""",
    f"""insert into users (id, email, name, status, language, version, created_at, updated_at)
    select gen_random_uuid(), 'user' || lpad(({ROWS} - n)::text, 6, '0') || '@example.com', 'n',
    case when n <= {ROWS} * 0.4 then 'deactivated' else 'active' end, 'en', 1, timestamptz '2026-06-01' + n * interval '1 minute', now()
    from generate_series(1, {ROWS}) n""",
    f"""insert into invitations select '{TENANT}', gen_random_uuid(), 'g' || n || '@example.com', 'member', 'en', gen_random_uuid(), 1,
    timestamptz '2026-06-01' + n * interval '1 minute', now(), null from generate_series(1, {ROWS}) n""",
    """insert into invitations select ('00000000-0000-0000-0001-' || lpad((n / 20)::text, 12, '0'))::uuid, gen_random_uuid(), 'g' || n || '@example.com', 'member',
    'en', gen_random_uuid(), 1, now(), now(), null from generate_series(1, 10000) n""",
    f"""insert into files select '{TENANT}', gen_random_uuid(), gen_random_uuid(), 'file ' || lpad((r / 500)::text, 4, '0'), 'text/plain',
    (array['ready', 'refused', 'pending'])[1 + n / ({ROWS} / 3 + 1)], null, null, 1, null, null, null, null, null, null, 1,
    timestamptz '2026-06-01' + n * interval '1 minute', now() from (select n, {ROWS} - n as r from generate_series(1, {ROWS}) n) numbers""",
    """insert into files select ('00000000-0000-0000-0001-' || lpad((n / 20)::text, 12, '0'))::uuid, gen_random_uuid(), gen_random_uuid(), 'file ' || n % 7,
    'text/plain', 'ready', null, null, 1, null, null, null, null, null, null, 1, now(), now() from generate_series(1, 10000) n""",
    *(f"create table audit_20260{m} partition of audit for values from ('2026-0{m}-01Z') to ('2026-0{m + 1}-01Z')" for m in range(5, 9)),
    f"""insert into audit select '{TENANT}', timestamptz '2026-06-01Z' + n * interval '1 minute', gen_random_uuid(), {ID.format("r / 5000")}, '', '', '',
    'item.action ' || n % 10, 'entity ' || n / 7 % 10, {ID.format("r / 500")}, null, null from (select n, {ROWS} - n as r from generate_series(1, {ROWS}) n) numbers""",
    """insert into audit select ('00000000-0000-0000-0001-' || lpad((n / 20)::text, 12, '0'))::uuid, now(), gen_random_uuid(), gen_random_uuid(), '', '', '',
    'item.created', 'item', gen_random_uuid(), null, null from generate_series(1, 10000) n""",
)
TABLES = ("audit", "files", "invitations", "items", "memberships", "users")
INDEXES = """select c.relname as name, replace(pg_get_indexdef(c.oid), ' ON ONLY ', ' ON ') as definition
    from pg_index join pg_class c on c.oid = indexrelid
    where indrelid = any($1::text[]::regclass[]) and not exists (select from pg_constraint where conindid = indexrelid) order by c.relname"""
"""The indexes of the tables that belong to no constraint. Built over the rows, they take a fraction of the time; `ON` includes partitions."""


class Watched(Database):
    """Remembers the last statement that was sent."""

    sent: tuple[str, list[Any]]
    counted: tuple[str, list[Any]]

    async def fetch(self, statement: Statement, owner: UUID | None, **values: Any) -> list[Row]:
        self.sent = statement.call(owner, values)
        return await super().fetch(statement, owner, **values)

    async def fetchval(self, statement: Statement, owner: UUID | None, **values: Any) -> Any:
        self.counted = statement.call(owner, values)
        return await super().fetchval(statement, owner, **values)


@dataclass(frozen=True)
class Listed:
    """A list under test; `values` are those of two of its rows for each field, neither near an end."""

    fields: Fields
    pages: PageBuilder[Any]
    owner: UUID | None
    values: Mapping[str, tuple[Any, Any]]

    def comparison(self, field: Field, operator: ComparisonOperator, value: Any) -> Specification[Any]:
        comparison: Specification[Any] = FieldSpecification(field.name, operator, value)
        if field.needs is not None:
            comparison &= FieldSpecification(field.needs, ComparisonOperator.EQ, self.values[field.needs][0])
        return comparison

    def comparisons(self, field: Field) -> Iterator[tuple[str, Specification[Any]]]:
        """Of every operator that promises not to scan."""
        for operator in field.operators - field.scan:
            for value in self._operands(field, operator):
                yield f"{field.name} {operator.value} {value}", self.comparison(field, operator, value)

    def _operands(self, field: Field, operator: ComparisonOperator) -> list[Any]:
        one, other = self.values[field.name]
        match operator:
            case ComparisonOperator.IS_NULL:
                return [True, False]
            case ComparisonOperator.IN:
                return [[one, other]]
            case ComparisonOperator.STARTS_WITH:
                return [one[: len(one) * 2 // 3]]
        return [one]


@pytest.fixture(scope="module")
def filled(shared_migrated: Urls, postgres: Postgres) -> Urls:
    async def fill() -> None:
        connection = await asyncpg.connect(postgres.admin_of(shared_migrated))
        indexes = await connection.fetch(INDEXES, TABLES)
        dropped, created = [f"drop index {one['name']}" for one in indexes], [one["definition"] for one in indexes]
        for statement in (*dropped, *FILL, *created, f"vacuum analyze {', '.join(TABLES)}"):
            await connection.execute(statement)
        assert await connection.fetch(INDEXES, TABLES) == indexes
        await connection.close()

    asyncio.run(fill())
    return shared_migrated


@pytest.fixture
async def database(filled: Urls) -> AsyncIterator[Watched]:
    watched = Watched(filled.app, PoolOptions(size=1, acquire_timeout=10, statement_timeout=20))
    await watched.open()
    act_for(TENANT)
    yield watched
    await watched.close()


@pytest.fixture(params=["items", "files", "members", "invitations", "users", "audit"])
async def listed(request: pytest.FixtureRequest, database: Watched, filled: Urls) -> Listed:
    fields, columns, pages, owner = {
        "items": (ITEM_FIELDS, items.COLUMNS, items.ListItemsHandler(database).pages, TENANT),
        "files": (FILE_FIELDS, files.COLUMNS, files.ListFilesHandler(database).pages, TENANT),
        "members": (MEMBER_FIELDS, tenants.COLUMNS, tenants.ListMembersHandler(database).pages, TENANT),
        "invitations": (INVITATION_FIELDS, tenants.INVITATION_COLUMNS, tenants.ListInvitationsHandler(database).pages, TENANT),
        "users": (USER_FIELDS, users.COLUMNS, users.ListUsersHandler(database).pages, None),
        "audit": (AUDIT_FIELDS, audit.COLUMNS, audit.ListAuditHandler(database).pages, TENANT),
    }[request.param]
    connection = await asyncpg.connect(filled.owner)
    values = {}
    for name, column in columns.items():
        if column.type.python_type is not list:
            where = f"{column.name} is not null" + (f" and tenant_id = '{owner}'" if owner else "")
            chosen = f"select {column.name} from {column.table.name} where {where} order by {fields.default_sort[0].field}"
            many = await connection.fetchval(f"select count(*) from ({chosen}) c")
            one, other = [await connection.fetchval(f"{chosen} offset {many // part} limit 1") for part in (4, 2)]
            values[name] = (one, other)
    await connection.close()
    return Listed(fields, pages, owner, values)


def asked(specification: Specification[Any] | None, *sort: Sort) -> ListRequest:
    names = frozenset({"deleted_at"}) if "deleted_at" in repr(specification) else frozenset()
    return ListRequest(specification=specification, sort=sort, limit=PAGE, filtered=names)


def requests(listed: Listed) -> Iterator[tuple[str, ListRequest]]:
    """Each filter in the order that it has by itself, and each order both ways, alone and with the filters of its own field."""
    for field in listed.fields:
        comparisons = list(listed.comparisons(field))
        yield from ((name, asked(comparison)) for name, comparison in comparisons)
        if field.sortable:
            needed = None if field.needs is None else FieldSpecification(field.needs, ComparisonOperator.EQ, listed.values[field.needs][0])
            for descending in (False, True):
                sort = Sort(field=field.name, descending=descending)
                yield str(sort), asked(needed, sort)
                yield from ((f"{name}, {sort}", asked(comparison, sort)) for name, comparison in comparisons)


def scans(plan: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The kind of every node that reads a table, and how many rows it touched."""
    if "Relation Name" in plan or plan["Node Type"] == "Bitmap Index Scan":
        removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        touched = (plan["Actual Rows"] + removed) * plan["Actual Loops"]
        if touched or plan["Node Type"] != "Seq Scan":  # an empty partition is read in sequence, since there is nothing to read
            yield plan["Node Type"], touched
    for inner in plan.get("Plans", ()):
        yield from scans(inner)


def literal(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = "{" + ",".join(f'"{one}"' for one in value) + "}"
    return "'" + str(value).replace("'", "''") + "'"


async def plan_of(database: Watched, mode: str) -> dict[str, Any]:
    """The plan, carried out, of what was sent last, prepared as the pool does it."""
    sql, arguments = database.sent
    given = f"({', '.join(map(literal, arguments))})" if arguments else ""
    statements = f"set plan_cache_mode = {mode}; prepare page as {sql}"
    text = await database.run(lambda c: explained(c, statements, f"execute page{given}"))
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


async def explained(connection: Any, statements: str, execute: str) -> str:
    await connection.execute(statements)
    try:
        text: str = await connection.fetchval(f"explain (analyze, buffers, format json) {execute}")
        return text
    finally:
        await connection.execute("deallocate page")


async def excess(database: Watched, mode: str) -> str | None:
    plan = await plan_of(database, mode)
    found = list(scans(plan))
    touched, blocks = sum(rows for _, rows in found), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    if found and touched <= TOUCHED and blocks <= BUFFERS and not any(kind == "Seq Scan" for kind, _ in found):
        return None
    return f"{touched:.0f} rows, {blocks} blocks, by {', '.join(kind for kind, _ in found)}"


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_every_filter_and_sort_is_bounded_by_an_index(database: Watched, listed: Listed, mode: str) -> None:
    over = {}
    for name, request in requests(listed):
        await listed.pages.page(request, listed.owner)
        over[f"{name}, first page"] = await excess(database, mode)
        far = (await listed.pages.page(replace(request, limit=FAR), listed.owner)).next_cursor
        if far is not None:
            page = await listed.pages.page(replace(request, cursor=far), listed.owner)
            assert page.items
            over[f"{name}, far behind a cursor"] = await excess(database, mode)
    assert {name: found for name, found in over.items() if found is not None} == {}
    assert sum("behind" in name for name in over) > len(over) / 3


async def test_any_combination_reads_a_row_of_the_tenant_at_most_once(database: Watched, listed: Listed) -> None:
    """What two filters and another order cost depends on the rows; the worst is one walk along one index of the tenant's."""
    over = {}
    fields = [field for field in listed.fields if field.operators - field.scan]
    sortable = [Sort(field=name, descending=way) for name in listed.fields.sortable for way in (False, True)]
    for number, (one, other) in enumerate(combinations(fields, 2)):
        comparison = next(listed.comparisons(one))[1] & next(listed.comparisons(other))[1]
        for sort in sortable[number % 5 :: 5]:
            await listed.pages.page(asked(comparison, sort), listed.owner)
            found = list(scans(await plan_of(database, "force_generic_plan")))
            if sum(rows for _, rows in found) > ROWS or any(kind == "Seq Scan" for kind, _ in found):
                over[f"{comparison} {sort}"] = found
    assert over == {}


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_a_text_search_costs_what_it_finds(database: Watched, mode: str) -> None:
    pages = items.ListItemsHandler(database).pages
    assert len((await pages.page(replace(asked(None), q="sku-0012345"), TENANT)).items) == 1
    assert await excess(database, mode) is None


async def test_pages_by_offset_read_and_count_ten_thousand_rows(database: Watched, listed: Listed) -> None:
    """And the deleted ones between them: one in twenty."""
    for sort in (Sort(field=name, descending=way) for name in listed.fields.sortable for way in (False, True)):
        needs = next(field.needs for field in listed.fields if field.name == sort.field)
        needed = None if needs is None else FieldSpecification(needs, ComparisonOperator.EQ, listed.values[needs][0])
        request = replace(asked(needed, sort), offset=MAX_ROWS - PAGE, include_total=True)
        page = await listed.pages.page(request, listed.owner)
        assert (len(page.items), page.total) == (PAGE, MAX_ROWS)
        for read in (database.sent, database.counted):
            database.sent = read
            found = list(scans(await plan_of(database, "force_generic_plan")))
            assert sum(rows for _, rows in found) <= MAX_ROWS * 1.1, (sort, found)


async def test_production_keeps_one_plan_for_each_shape(database: Watched) -> None:
    assert await database.run(lambda connection: connection.fetchval("show plan_cache_mode")) == "force_generic_plan"
