"""`migrate forget`: a context that is left out goes with everything that is its own, in one transaction, and comes back from nothing."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.bootstrap import forgetting, migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, WiringError
from api_base.domain.common.events import DurableSubscription
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.schema import tenant_owned
from tests.application import settings_on
from tests.integration.test_migrations import fetch, schema

ITEMS: Final = next(context for context in BUILT_IN if context.name == "items")
OTHERS: Final = [context for context in BUILT_IN if context is not ITEMS]
ROWS: Final = """
insert into items (tenant_id, id, sku, name, description, category, tags, attributes, status, version, created_at, updated_at)
    values ('{t}', '{t}', 'CHAIR-1', 'Chair', '', '', '{{}}', '{{}}', 'draft', 1, now(), now());
insert into jobs (tenant_id, id, user_id, name, state, priority, scheduled_at, attempts, payload, request_id, traceparent, created_at, progress)
    select '{t}', gen_random_uuid(), '{t}', name, state, 0, now(), 0, '{{}}', '', '', now(), 0
    from unnest('{{items.import,users.other}}'::text[]) name, unnest('{{waiting,ready,succeeded}}'::text[]) state;
insert into idempotency_keys (tenant_id, user_id, route, key, fingerprint, result, expires_at)
    select '{t}', '{t}', route, 'k', 'f', 'r', 'infinity' from unnest('{{seed items,seed users,POST /items}}'::text[]) route;
insert into search_generations (index_name, state, digest, languages, weights)
    select name, 'live', '', '{{}}', '{{}}' from unnest('{{items,members}}'::text[]) name;
insert into search_documents (tenant_id, generation, id, version, digest) select '{t}', id, '{t}', 1, 'd' from search_generations;
insert into search_words (tenant_id, source, word) select '{t}', id::text, 'chair' from search_generations;
""".format(t=UUID(int=5))
LEFT: Final = """
select 'job ' || name || ' ' || state from jobs union all select 'key ' || route from idempotency_keys
union all select 'index ' || index_name from search_generations
union all select 'document of ' || index_name from search_documents join search_generations g on g.id = generation
union all select 'word of ' || coalesce(index_name, source) from search_words left join search_generations g on g.id::text = source order by 1
"""


@pytest.fixture
def urls(migrated: Urls) -> Urls:
    asyncio.run(execute(migrated, ROWS))
    return migrated


async def execute(urls: Urls, statements: str) -> None:
    connection = await asyncpg.connect(urls.owner)
    await connection.execute(statements)
    await connection.close()


def left(urls: Urls) -> list[str]:
    return [row[0] for row in asyncio.run(fetch(urls.owner, LEFT))]


def test_what_is_its_own_goes_and_what_is_others_stays(urls: Urls) -> None:
    settings, whole = settings_on(urls), schema(urls)
    found = forgetting.remains(settings, urls, ITEMS, OTHERS)
    assert (dict(found.tables), found.revisions) == ({"items": 1}, ["items_001", "items_002", "items_003"])
    assert {kind: rows for kind, rows in found.rows.items() if rows} == {
        "jobs that have not ended": 2,
        "steps of its seed": 1,
        "words of its search documents": 1,
        "search documents": 1,
        "generations of search indexes": 1,
    }
    forgetting.forget(settings, urls, ITEMS, OTHERS)
    assert left(urls) == [
        "document of members", "index members",
        "job items.import cancelled", "job items.import cancelled", "job items.import succeeded",
        "job users.other ready", "job users.other succeeded", "job users.other waiting",
        "key POST /items", "key seed users", "word of members",
    ]  # fmt: skip
    assert not forgetting.remains(settings, urls, ITEMS, OTHERS)
    assert migrations.at_head(urls, OTHERS)
    assert [one for one in migrations.status(urls, OTHERS) if one.pending] == []
    assert migrations.up(settings, urls, BUILT_IN) == ["items_001", "items_002", "items_003"]
    assert schema(urls) == whole
    assert asyncio.run(fetch(urls.owner, "select count(*) from items"))[0][0] == 0


def test_forgetting_twice_changes_nothing(urls: Urls) -> None:
    settings = settings_on(urls)
    forgetting.forget(settings, urls, ITEMS, OTHERS)
    before = (schema(urls), left(urls))
    forgetting.forget(settings, urls, ITEMS, OTHERS)
    assert (schema(urls), left(urls)) == before


def test_a_foreign_key_of_another_table_refuses_it_and_nothing_changes(urls: Urls) -> None:
    asyncio.run(
        execute(
            urls,
            "create table reviews (tenant_id uuid, item_id uuid, "
            "constraint fk_reviews_item foreign key (tenant_id, item_id) references items (tenant_id, id))",
        )
    )
    before = (schema(urls), left(urls))
    with pytest.raises(ConfigurationError, match=r"foreign keys of other tables refer to it: fk_reviews_item of reviews \(to items\)"):
        forgetting.forget(settings_on(urls), urls, ITEMS, OTHERS)
    assert (schema(urls), left(urls)) == before


def test_a_view_that_needs_the_table_refuses_it_and_nothing_changes(urls: Urls) -> None:
    asyncio.run(execute(urls, "create view chairs with (security_invoker) as select id from items"))
    before = (schema(urls), left(urls))
    with pytest.raises(ConfigurationError, match="cannot drop table items because other objects depend on it"):
        forgetting.forget(settings_on(urls), urls, ITEMS, OTHERS)
    assert (schema(urls), left(urls)) == before


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    aggregate_id: UUID


def test_a_subscription_to_one_of_its_events_refuses_it(urls: Urls) -> None:
    async def note(event: Changed) -> None:
        del event

    subscribed = Context(
        name="noted",
        subscribers=lambda ports: [DurableSubscription(name="noted.note", event="items.changed.v1", payload=Changed, handle=note)],
    )
    with pytest.raises(WiringError, match=r"items\.changed\.v1"):
        forgetting.remains(settings_on(urls), urls, ITEMS, [*OTHERS, subscribed])


REVISION: Final = """
from alembic import op
import sqlalchemy as sa

revision = "{name}_001"
down_revision = None
branch_labels = ("{name}",)
depends_on = {depends_on}


def upgrade():
    op.create_table("{name}_notes", sa.Column("tenant_id", sa.Uuid, primary_key=True), sa.Column("id", sa.Uuid, primary_key=True))
    from api_base.infrastructure.db import ddl
    ddl.protect("{name}_notes")
    ddl.grant("{name}_notes", app=ddl.READ_WRITE)


def downgrade():
    {downgrade}
"""


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Context]:
    """Makes a context with a table and a revision."""

    def make(name: str, *, depends_on: Sequence[str] = ("base_001",), downgrade: str | None = None) -> Context:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        values: dict[str, Any] = {
            "name": name,
            "depends_on": tuple(depends_on),
            "downgrade": downgrade or f'op.drop_table("{name}_notes")',
        }
        (folder / "001.py").write_text(REVISION.format(**values))
        columns = (sa.Column("tenant_id", sa.Uuid, primary_key=True), sa.Column("id", sa.Uuid, primary_key=True))
        return Context(name=name, migrations=folder, tables=[tenant_owned(f"{name}_notes", sa.MetaData(), *columns)])

    return make


def test_a_context_of_ones_own_that_is_taken_out_can_be_forgotten(urls: Urls, own: Callable[..., Context]) -> None:
    settings, memo = settings_on(urls), own("memo")
    assert migrations.up(settings, urls, [*BUILT_IN, memo]) == ["memo_001"]
    with pytest.raises(ConfigurationError, match="does not know: memo_001"):
        migrations.up(settings, urls, BUILT_IN)
    assert forgetting.remains(settings, urls, memo, BUILT_IN).tables == {"memo_notes": 0}
    forgetting.forget(settings, urls, memo, BUILT_IN)
    assert migrations.up(settings, urls, BUILT_IN) == []
    assert migrations.up(settings, urls, [*BUILT_IN, memo]) == ["memo_001"]


def test_a_revision_of_another_context_that_depends_on_it_refuses_it(urls: Urls, own: Callable[..., Context]) -> None:
    settings, memo, diary = settings_on(urls), own("memo"), own("diary", depends_on=("memo_001",))
    migrations.up(settings, urls, [*BUILT_IN, memo, diary])
    with pytest.raises(ConfigurationError, match="diary depend on memo_001"):
        asyncio.run(migrations.migrator(settings, urls, [*BUILT_IN, diary], [memo]).remains(forgetting.part(settings, memo, BUILT_IN), 7))


@pytest.mark.parametrize(
    ("downgrade", "reason"),
    [
        ("pass", "its revisions do not drop memo_notes"),
        ("raise NotImplementedError", r"one of its revisions \(memo_001\) cannot be undone"),
    ],
)
def test_revisions_that_cannot_be_undone_refuse_it(urls: Urls, own: Callable[..., Context], downgrade: str, reason: str) -> None:
    settings, memo = settings_on(urls), own("memo", downgrade=downgrade)
    migrations.up(settings, urls, [*BUILT_IN, memo])
    before = schema(urls)
    with pytest.raises(ConfigurationError, match=reason):
        forgetting.forget(settings, urls, memo, BUILT_IN)
    assert schema(urls) == before
    assert migrations.up(settings, urls, [*BUILT_IN, memo]) == []


def test_only_what_is_left_out_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "forgettable.py").write_text("from api_base import Context\nMEMO = Context(name='memo')\nUSERS = Context(name='users')\n")
    assert forgetting.absent_context("items", OTHERS) is ITEMS
    assert forgetting.absent_context("forgettable:MEMO", OTHERS).name == "memo"
    for name, reason in (
        ("users", "The context 'users' is in use"),
        ("forgettable:USERS", "The context 'users' is in use"),
        ("memo", "No context 'memo' is left out. Left out: items."),
        ("forgettable:NOTE", "defines no 'NOTE'"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            forgetting.absent_context(name, OTHERS)


def test_settings_keep_cancelled_jobs(urls: Urls) -> None:
    settings: Settings = settings_on(urls)
    forgetting.forget(settings, urls, ITEMS, OTHERS)
    kept = "select distinct extract(day from expires_at - finished_at)::int from jobs where state = 'cancelled'"
    assert [row[0] for row in asyncio.run(fetch(urls.owner, kept))] == [settings.jobs.keep_days]
