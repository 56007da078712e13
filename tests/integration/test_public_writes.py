"""Visitors write rows of their own in the tenant that they visit, and nothing else, whatever the handler sends: PostgreSQL decides."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.common.cqrs import Command, Query
from api_base.bootstrap import migrations
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import NotFound, TooManyRequests, Unauthenticated
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, ownership
from api_base.interface.listing import list_request
from tests.application import Person, Running, running, settings_on
from tests.knowledge import questions
from tests.knowledge.questions import AskQuestion, ForgeQuestion, ListMyQuestions, QuestionDTO, TouchEverything, WithdrawQuestion
from tests.visits import acting, refusals

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES: Final[Sequence[DeclaredTable]] = [
    *(table for one in BUILT_IN for table in one.tables if ownership(table) is not Ownership.SYSTEM),
    questions.TABLE,
]


@dataclass(frozen=True, slots=True)
class World:
    """A tenant with public pages, of `owner`, and its visitors, each the owner of a tenant elsewhere."""

    api: Running
    owner: Person
    visitor: Person
    other: Person
    slug: str

    async def execute[T](self, message: Query[T] | Command[T], caller: Person | None, address: str = "") -> T:
        with acting(caller, ("questions:read", "questions:create"), address):
            return await self.api.app.state.services.bus.execute(message)

    async def ask(self, caller: Person) -> QuestionDTO:
        return await self.execute(AskQuestion(tenant=self.slug, body="Why?"), caller)

    async def mine(self, caller: Person | None) -> set[UUID]:
        request = list_request(b"limit=200", questions.FIELDS)
        page = await self.execute(ListMyQuestions(tenant=self.slug, request=request), caller)
        return {one.id for one in page.items}

    async def of_members(self) -> dict[str, Any]:
        answer = await self.api.client.get("/api/v1/questions?limit=200", headers=self.owner.headers)
        return {one["id"]: one for one in answer.json()["items"]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = settings_on(shared_migrated)
    contexts = [*BUILT_IN, replace(questions.PLAIN, migrations=tmp_path_factory.mktemp("questions")), questions.asking_with(TABLES)]
    written = await asyncio.to_thread(migrations.auto, settings, shared_migrated, "questions", None, contexts)
    assert written is not None
    assert 'ddl.protect("questions", own="user_id", visitors_write=True)' in written.read_text()
    await asyncio.to_thread(migrations.up, settings, shared_migrated, contexts)
    async with running(settings, contexts) as api:
        owner, visitor, other = await api.person(), await api.person(), await api.person()
        tenant = f"/api/v1/tenants/{owner.tenant_id}"
        answer = await api.client.post(f"{tenant}/public-pages", json={"public_pages": True}, headers=owner.headers)
        assert answer.status_code == 200, answer.text
        for one in (owner, visitor):
            await api.item(one)
        yield World(api, owner, visitor, other, (await api.client.get(tenant, headers=owner.headers)).json()["slug"])


async def test_a_visitor_asks_and_members_read_it(world: World) -> None:
    path, headers = f"/api/v1/pages/{world.slug}/questions", {**world.visitor.headers, "Idempotency-Key": str(uuid4())}
    first, again = [await world.api.client.post(path, json={"body": "Where?"}, headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    made = first.json()
    assert (await world.of_members())[made["id"]]["body"] == "Where?"
    assert UUID(made["id"]) in await world.mine(world.visitor)
    for caller in (None, world.other, world.owner):
        assert UUID(made["id"]) not in await world.mine(caller)


async def test_numbers_have_no_gaps_across_visitors(world: World) -> None:
    made = [await world.ask(caller) for caller in (world.visitor, world.other, world.owner)]
    assert [one.number - made[0].number for one in made] == [0, 1, 2]


async def test_the_audit_names_the_visitor_in_the_trail_of_the_tenant(world: World) -> None:
    made = await world.ask(world.visitor)
    trail = await world.api.client.get(f"/api/v1/audit?entity_id={made.id}", headers=world.owner.headers)
    (record,) = trail.json()["items"]
    assert (record["action"], record["actor_id"]) == ("question.created", str(world.visitor.id))
    elsewhere = await world.api.client.get(f"/api/v1/audit?entity_id={made.id}", headers=world.visitor.headers)
    assert elsewhere.json()["items"] == []


async def test_a_visitor_withdraws_the_own_question_only(world: World) -> None:
    made = await world.ask(world.visitor)
    for caller in (world.other, world.owner):
        with pytest.raises(NotFound):
            await world.execute(WithdrawQuestion(tenant=world.slug, id=made.id), caller)
    await world.execute(WithdrawQuestion(tenant=world.slug, id=made.id), world.visitor)
    assert made.id not in await world.mine(world.visitor)
    assert str(made.id) not in await world.of_members()


@pytest.mark.parametrize("forged", ["user", "tenant", "own tenant", "both"])
async def test_a_forged_row_is_refused_by_postgresql(world: World, forged: str) -> None:
    of = {"tenant": world.other.tenant_id, "own tenant": world.visitor.tenant_id, "both": world.other.tenant_id}.get(
        forged, world.owner.tenant_id
    )
    user = world.other.id if forged in ("user", "both") else world.visitor.id
    before, of_other = await world.of_members(), await world.mine(world.other)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match='row-level security policy for table "questions"'):
        await world.execute(ForgeQuestion(tenant=world.slug, of=of, user=user), world.visitor)
    assert await world.of_members() == before
    assert await world.mine(world.other) == of_other


async def test_a_handler_that_forgets_every_condition_touches_the_own_rows_only(world: World) -> None:
    for caller in (world.visitor, world.other, world.owner):
        await world.ask(caller)
    others = {key for key in await world.of_members() if UUID(key) not in await world.mine(world.visitor)}
    touched = (await world.execute(TouchEverything(tenant=world.slug), world.visitor)).rows
    assert set(touched) == {table.name for table in TABLES}
    read, changed, deleted = touched["questions"]
    assert read == changed == deleted > 0
    assert await world.mine(world.visitor) == set()
    assert set(await world.of_members()) == others
    for table in TABLES:
        if table is not questions.TABLE:
            assert max(touched[table.name]) <= 0, table.name


async def test_anonymous_callers_write_nothing(world: World) -> None:
    with pytest.raises(Unauthenticated):
        await world.execute(AskQuestion(tenant=world.slug, body="Why?"), None)
    answer = await world.api.client.post(f"/api/v1/pages/{world.slug}/questions", json={"body": "Why?"})
    assert answer.status_code == 401


async def test_strangers_are_limited(world: World) -> None:
    for _ in range(questions.WITHDRAWALS.burst):
        with pytest.raises(NotFound):
            await world.execute(WithdrawQuestion(tenant=world.slug, id=uuid4()), world.other, "192.0.2.9")
    with pytest.raises(TooManyRequests):
        await world.execute(WithdrawQuestion(tenant=world.slug, id=uuid4()), world.other, "192.0.2.9")


async def test_a_tenant_without_public_pages_takes_nothing(world: World) -> None:
    tenant = f"/api/v1/tenants/{world.other.tenant_id}"
    slug = (await world.api.client.get(tenant, headers=world.other.headers)).json()["slug"]
    with pytest.raises(NotFound):
        await world.execute(AskQuestion(tenant=slug, body="Why?"), world.visitor)


OTHERS: Final = "coalesce(tenant_id = nullif(current_setting('app.visited_tenant_id', true), '')::uuid, false)"
MISSING: Final = "has no policy for what visitors write: call ddl.publish('questions', own='user_id', visitors_write=True) in a revision"
WIDER: Final = "has the policy questions_app_own, which gives visitors other rows than the declaration, by which own='user_id', visitors_write=True: let both agree"


@pytest.mark.parametrize(
    ("breaking", "faults"),
    [
        ("drop policy questions_app_own on questions", [MISSING]),
        (f"alter policy questions_app_own on questions using ({OTHERS})", [WIDER, MISSING]),
        (f"alter policy questions_app_own on questions with check ({OTHERS})", [WIDER, MISSING]),
    ],
)
async def test_a_policy_that_is_not_the_declared_one_is_refused_at_start(
    shared_migrated: Urls, world: World, breaking: str, faults: list[str]
) -> None:
    found = await refusals(shared_migrated, [*BUILT_IN, questions.PLAIN], breaking, "visitors")
    assert found == [f"In PostgreSQL, the table questions {one}." for one in faults]
