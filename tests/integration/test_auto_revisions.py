"""`migrate new --auto`: what it writes makes the database as declared, is accepted by the comparison at start, and a second run writes nothing."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import pytest

from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import crud
from api_base.core.errors import ConfigurationError, WiringError
from api_base.core.types import TenantId, UserId
from api_base.domain.common.resource import Resource
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Money
from api_base.infrastructure.db.embedded import Urls
from tests.application import settings_on

Title = Annotated[str, TextRule(max_length=100)]


@dataclass(slots=True, kw_only=True, eq=False)
class Plan(Resource):
    tenant_id: TenantId
    title: Title


@dataclass(slots=True, kw_only=True, eq=False)
class PlanLater(Resource):
    """The same with more fields."""

    tenant_id: TenantId
    title: Title
    stage: Title = "it's new"
    rank: int | None = None
    cost: Money | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class PlanWithoutDefault(Resource):
    tenant_id: TenantId
    title: Title
    place: Title


class Size(Enum):
    SMALL = 1


@dataclass(slots=True, kw_only=True, eq=False)
class Sized(Resource):
    """Of a type that no column holds: the values of enumerations are texts."""

    tenant_id: TenantId
    title: Title
    size: Size = Size.SMALL


@dataclass(slots=True, kw_only=True, eq=False)
class Letter(Resource):
    user_id: UserId
    title: Title


@dataclass(slots=True, kw_only=True, eq=False)
class Country(Resource):
    title: Title


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes and applies revisions in a folder of the test's own."""

    urls: Urls
    folder: Path

    def plans(self, cls: type[Resource], **options: Any) -> Context:
        return crud(cls, Shown, name="plans", **options).context(migrations=self.folder)

    def auto(self, context: Context) -> str | None:
        """The text of the revision; None if none was written."""
        before = set(self.folder.glob("*.py"))
        written = migrations.auto(settings_on(self.urls), self.urls, context.name, None, self.contexts(context))
        assert {written} - {None} == set(self.folder.glob("*.py")) - before
        return written and written.read_text()

    def up(self, context: Context) -> list[str]:
        """Apply revisions, which compares the tables with the declared ones."""
        return migrations.up(settings_on(self.urls), self.urls, self.contexts(context))

    @staticmethod
    def contexts(context: Context) -> Sequence[Context]:
        return [*BUILT_IN, context]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    version: int
    title: str


@pytest.fixture
def writer(migrated: Urls, tmp_path: Path) -> Writer:
    return Writer(migrated, tmp_path / "migrations")


@pytest.mark.slow
def test_a_resource_grows_by_written_revisions(writer: Writer) -> None:
    first = writer.plans(Plan, sorts=("title",))
    written = writer.auto(first)
    assert written is not None
    assert written.startswith('"""Create plans."""\n')
    with pytest.raises(ConfigurationError, match="Nothing was written, because plans_001 of plans is not applied"):
        writer.auto(first)
    assert writer.up(first) == ["plans_001"]
    assert writer.auto(first) is None
    insert(writer.urls)
    second = writer.plans(PlanLater, sorts=("title", "rank"), filters=("cost",), search=("title", "stage"))
    written = writer.auto(second)
    assert written is not None
    assert written.startswith('"""Change the tables of plans."""\n')
    assert 'depends_on = ("text_search_001",)' in written
    assert writer.up(second) == ["plans_002"]
    assert read(writer.urls, "select title, stage, rank, cost_minor from plans") == [("One", "it's new", None, None)]
    assert read(writer.urls, "select word from search_words where source = 'plans' order by word") == [("its",), ("new",), ("one",)]
    assert writer.auto(second) is None
    third = writer.plans(PlanLater, sorts=("title",), search=("title",))
    written = writer.auto(third)
    assert written is not None
    assert [line.strip() for line in written.splitlines() if "searchable(" in line] == [
        'not_searchable("plans")', 'searchable("plans", "title")', 'not_searchable("plans")', 'searchable("plans", "title", "stage")',
    ]  # fmt: skip
    assert writer.up(third) == ["plans_003"]
    assert writer.auto(third) is None


def test_every_written_revision_can_be_undone(writer: Writer) -> None:
    first, second = writer.plans(Plan), writer.plans(PlanLater, sorts=("rank",), search=("title", "stage"))
    for context in (first, second):
        assert writer.auto(context) is not None
        writer.up(context)
    settings = settings_on(writer.urls)
    assert migrations.down(settings, writer.urls, "plans", 2, contexts=writer.contexts(second)) == ["plans_002", "plans_001"]
    assert read(writer.urls, "select to_regclass('plans')::text, to_regproc('search_plans')::text") == [(None, None)]


def test_an_index_of_a_table_that_exists_is_undone_with_its_revision(writer: Writer) -> None:
    """The columns stay, so nothing else would drop it."""
    context = writer.plans(Plan)
    writer.auto(context)
    writer.up(context)
    before = read(writer.urls, INDEXES)
    sorted_too = writer.plans(Plan, sorts=("title",))
    writer.auto(sorted_too)
    writer.up(sorted_too)
    assert len(read(writer.urls, INDEXES)) == len(before) + 1
    migrations.down(settings_on(writer.urls), writer.urls, "plans", contexts=writer.contexts(sorted_too))
    assert read(writer.urls, INDEXES) == before


@pytest.mark.slow
@pytest.mark.parametrize(("unique", "served"), [(True, True), (False, False)], ids=["of rows that differ by it", "of rows that do not"])
def test_a_shorter_index_serves_a_list_if_nothing_is_left_to_sort_by(writer: Writer, unique: bool, served: bool) -> None:
    context = writer.plans(Plan)
    writer.auto(context)
    writer.up(context)
    read(writer.urls, f"create {'unique ' * unique}index by_hand on plans (tenant_id, title)")
    assert (writer.auto(writer.plans(Plan, sorts=("title",))) is None) is served


def test_a_column_that_existing_rows_have_no_value_of_is_refused(writer: Writer) -> None:
    first = writer.plans(Plan)
    writer.auto(first)
    writer.up(first)
    with pytest.raises(ConfigurationError, match="the column 'place' of 'plans' is never null, and rows that exist have no value"):
        writer.auto(writer.plans(PlanWithoutDefault))
    assert len(list(writer.folder.glob("*.py"))) == 1


def test_what_is_wrong_with_the_declarations_is_said_first(writer: Writer) -> None:
    context = writer.plans(Sized, filters=("size",), sorts=("size",))
    with pytest.raises(WiringError) as refused:
        writer.auto(context)
    assert [fault.sentence for fault in refused.value.faults] == [
        "Sized.size is Size, which no converter stores. Pass converters={Size: Converter(…)} to aggregate_mapping."
    ]
    assert not writer.folder.exists()


@pytest.mark.parametrize(("cls", "line"), [(Letter, 'ddl.protect("plans", "user_id", ddl.Ownership.USER)'), (Country, "")])
def test_tables_of_users_and_of_the_system(writer: Writer, cls: type[Resource], line: str) -> None:
    context = writer.plans(cls, sorts=("title",))
    written = writer.auto(context)
    assert written is not None
    assert [one.strip() for one in written.splitlines() if "ddl.protect" in one] == [line][: bool(line)]
    assert 'ddl.grant("plans", app=ddl.READ_WRITE)' in written
    assert writer.up(context) == ["plans_001"]
    assert writer.auto(context) is None


def test_what_is_written_is_formatted_and_sorted(writer: Writer) -> None:
    writer.auto(writer.plans(PlanLater, sorts=("title", "rank"), filters=("cost", "stage"), search=("title", "stage")))
    for command in (
        ["format", "--check", "--line-length", "88"],
        ["format", "--check", "--line-length", "140"],
        ["check", "--select", "F,I,UP,E"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", writer.folder], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [context.name for context in BUILT_IN if context.migrations is not None])
def test_nothing_is_to_do_for_the_built_in_contexts(shared_migrated: Urls, name: str, write_nothing: Callable[[], None]) -> None:
    write_nothing()
    assert migrations.auto(settings_on(shared_migrated), shared_migrated, name, None, BUILT_IN) is None


@pytest.fixture
def write_nothing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Fails instead of writing into the source."""

    def refuse(*arguments: Any) -> None:
        raise AssertionError(arguments)

    return lambda: monkeypatch.setattr("api_base.infrastructure.db.migrations.writer._write", refuse)


INDEXES = "select indexdef from pg_indexes where tablename = 'plans' order by 1"


def insert(urls: Urls) -> None:
    """As the role that migrates: its policy lets it write the rows of every tenant."""
    values = "gen_random_uuid(), gen_random_uuid(), 'One', 1, now(), now()"
    read(urls, f"insert into plans (tenant_id, id, title, version, created_at, updated_at) values ({values})")


def read(urls: Urls, sql: str) -> list[tuple[Any, ...]]:
    async def fetched() -> list[tuple[Any, ...]]:
        connection = await asyncpg.connect(urls.owner)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetched())
