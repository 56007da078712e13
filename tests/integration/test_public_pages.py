"""Public pages of a tenant, attacked by everybody with everything that a request can ask for: each gets exactly the public rows, by policy."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.common.cqrs import Query
from api_base.application.common.middleware.visit import UNKNOWN_TENANTS
from api_base.application.items.queries import GetItem
from api_base.bootstrap import migrations
from api_base.bootstrap.contexts import BUILT_IN
from api_base.core.errors import ApiBaseError, Forbidden, NotFound, ProgrammingError, TooManyRequests, Unauthenticated
from api_base.core.protocols import Isolation
from api_base.core.types import RequestContext, TenantId, UserId, current_context, request_tenant, request_user
from api_base.domain.common.specification import ComparisonOperator
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, ownership
from api_base.infrastructure.tenants.public_tenants import SqlPublicTenants
from api_base.interface.listing import list_request
from tests import knowledge
from tests.application import Person, Running, running, settings_on
from tests.knowledge import Article, CountArticles, Kind, ReadEverything, ReadOfAnother
from tests.visits import acting, refusals

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES: Final[Sequence[DeclaredTable]] = [*(table for one in BUILT_IN for table in one.tables), knowledge.TABLE]
MISSING: Final = "has no policy for its public rows: call ddl.publish('articles', public='published', own='user_id') in a revision"
STALE: Final = (
    "has a text search that was made for other public rows than it has now: call not_searchable('articles'), and then "
    "searchable('articles', …) with the same columns, in a revision"
)
_numbers = count(1)
VALUES: Final = {
    "title": ("Alpha", "alp", "", "z"),
    "kind": ("guide", "news"),
    "rank": ("0", "2", "-1"),
    "published": ("true", "false"),
    "created_at": ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
    "deleted_at": ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"),
}


@dataclass(frozen=True, slots=True)
class World:
    """Two tenants with public pages and one without, each with articles of all sorts, of its owner and of a visitor."""

    api: Running
    owner: Person
    member: Person
    stranger: Person
    slug: str
    other_slug: str
    hidden_slug: str
    articles: Sequence[Article]
    foreign: Sequence[Article]

    @property
    def callers(self) -> dict[str, Person | None]:
        return {"anonymous": None, "owner": self.owner, "member": self.member, "member of another tenant": self.stranger}

    def visible(self, caller: Person | None) -> list[Article]:
        """What the caller may see, said once more in Python."""
        mine = None if caller is None else caller.id
        return [one for one in self.articles if one.deleted_at is None and (one.published or one.user_id == mine)]

    async def page(self, path: str, caller: Person | None) -> tuple[int, Any]:
        headers = {} if caller is None else caller.headers
        answer = await self.api.client.get(f"/api/v1/pages/{path}", headers=headers)
        return answer.status_code, answer.json()

    async def listed(self, query: str, caller: Person | None) -> list[dict[str, Any]]:
        """The rows of all pages."""
        found, cursor = list[dict[str, Any]](), ""
        while True:
            status, page = await self.page(f"{self.slug}/articles?limit=3&include_total=true&{query}{cursor}", caller)
            assert status == 200, page
            found += page["items"]
            if page["next_cursor"] is None:
                assert page["total"] == len(found)
                return found
            cursor = f"&cursor={page['next_cursor']}"

    def acting(self, caller: Person | None, address: str = "") -> AbstractContextManager[None]:
        return acting(caller, ("articles:read", "items:read"), address)

    async def execute[T](self, query: Query[T], caller: Person | None = None, address: str = "") -> T:
        with self.acting(caller, address):
            return await self.api.app.state.services.bus.execute(query)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    settings = settings_on(shared_migrated)
    articles = replace(knowledge.PLAIN, migrations=tmp_path_factory.mktemp("articles"))
    contexts = [*BUILT_IN, articles, knowledge.pages_of(TABLES)]
    written = await asyncio.to_thread(migrations.auto, settings, shared_migrated, "articles", None, contexts)
    assert written is not None
    assert 'ddl.protect("articles", public="published", own="user_id")' in written.read_text()
    assert written.read_text().count('    searchable("articles", "title")') == 1
    assert await asyncio.to_thread(migrations.up, settings, shared_migrated, contexts) == ["articles_001"]
    async with running(settings, contexts) as api:
        yield await arranged(api)


async def arranged(api: Running) -> World:
    owner, stranger, hidden = await api.person(), await api.person(), await api.person()
    member = await api.member(owner, "member")
    slugs = [await slug_of(api, one) for one in (owner, stranger, hidden)]
    for one in (owner, stranger):
        await switch(api, one, public_pages=True)
    articles = [one for who in (owner, member, stranger) for one in await written(api, owner.tenant_id, who)]
    foreign = [one for tenant in (stranger, hidden) for who in (owner, stranger) for one in await written(api, tenant.tenant_id, who)]
    await api.item(owner)
    return World(api, owner, member, stranger, slugs[0], slugs[1], slugs[2], articles, foreign)


async def slug_of(api: Running, person: Person) -> str:
    answer = await api.client.get(f"/api/v1/tenants/{person.tenant_id}", headers=person.headers)
    assert answer.json()["public_pages"] is False
    slug: str = answer.json()["slug"]
    return slug


async def switch(api: Running, person: Person, *, public_pages: bool) -> None:
    path = f"/api/v1/tenants/{person.tenant_id}/public-pages"
    answer = await api.client.post(path, json={"public_pages": public_pages}, headers=person.headers)
    assert (answer.status_code, answer.json()["public_pages"]) == (200, public_pages), answer.text


async def written(api: Running, tenant_id: UUID, author: Person) -> list[Article]:
    """Articles of all sorts, stored by the unit of work."""
    services = api.app.state.services
    repository = knowledge.ARTICLES.repository(services.ports.database)
    now = services.container.clock.now()
    made = [
        Article(
            id=services.container.ids.new(), tenant_id=TenantId(tenant_id), user_id=UserId(author.id), title=f"{title} {next(_numbers)}",
            kind=kind, rank=rank, published=published, created_at=now, updated_at=now, deleted_at=deleted,
        )
        for published in (True, False)
        for deleted in (None, now)
        for title, kind, rank in (("Alpha", Kind.GUIDE, 2), ("alphabet", Kind.NEWS, None))
    ]  # fmt: skip
    current_context.set(RequestContext(request_id="arranging"))

    async def store() -> None:
        for one in made:
            await repository.create(one)

    await services.container.transactions.run(Isolation.OPTIMISTIC, store)
    return made


def queries() -> Iterator[str]:
    yield ""
    for field in knowledge.FIELDS:
        for operator in field.operators:
            if operator.value == "is_null":
                yield from (f"{field.name}[is_null]={value}" for value in ("true", "false"))
            else:
                yield from (f"{field.name}[{operator.value}]={value}" for value in VALUES[field.name])
        if ComparisonOperator.IN in field.operators:
            yield f"{field.name}[in]={','.join(VALUES[field.name])}"
    for name in knowledge.FIELDS.sortable:
        yield from (f"sort={name}", f"sort=-{name}", f"sort={name}&published=false", f"sort=-{name}&deleted_at[is_null]=false")


@pytest.mark.parametrize("query", sorted(set(queries())))
async def test_everybody_gets_exactly_the_public_rows(world: World, query: str) -> None:
    asked = list_request(query.encode(), knowledge.FIELDS).specification
    for name, caller in world.callers.items():
        found = await world.listed(query, caller)
        expected = [one for one in world.visible(caller) if asked is None or asked.is_satisfied_by(one)]
        assert sorted(one["id"] for one in found) == sorted(str(one.id) for one in expected), name


async def test_the_attack_is_generated_over_all_fields_and_their_operators() -> None:
    assert {field.name for field in knowledge.FIELDS} <= set(VALUES)
    assert len(set(queries())) > 60


def found_by(q: str, visible: Sequence[Article]) -> set[str]:
    """The ids of what `q` finds among these rows, said once more in Python: titles that begin with it, those with every word, or else those with some; the last may be
    incomplete, if it has two letters."""
    words = q.lower().split()

    def has(article: Article, word: str) -> bool:
        return any(one.startswith(word) if word == words[-1] and len(word) > 1 else one == word for one in article.title.lower().split())

    complete = {str(one.id) for one in visible if one.title.lower().startswith(q) or all(has(one, word) for word in words)}
    return complete or {str(one.id) for one in visible if any(has(one, word) for word in words)}


async def test_a_text_search_finds_exactly_what_is_visible(world: World) -> None:
    """Each word and number of every title, private ones too, alone, in pairs, cut and misspelled: what nobody may see changes no result."""
    titles = [one.title.lower() for one in [*world.articles, *world.foreign]]
    pairs = [f"{one.split()[1]} {other}" for one, other in zip(titles, titles[3:], strict=False)]
    chosen = random.Random(7).sample(sorted({*titles, *pairs, *(one.split()[1] for one in titles)}), 12)
    for q in [*chosen, "alpha", "alphabet", "alph", "alphabt", "aplha", "zebra", "zebra alpha"]:
        for name, caller in world.callers.items():
            found = await world.listed(f"q={q.replace(' ', '+')}", caller)
            assert {one["id"] for one in found} == found_by(q, world.visible(caller)), (name, q)


async def test_members_find_similar_words_and_visitors_only_those_that_they_asked_for(world: World) -> None:
    answer = await world.api.client.get("/api/v1/articles?q=alphabt&limit=200", headers=world.owner.headers)
    assert {one["title"].split()[0] for one in answer.json()["items"]} == {"Alpha", "alphabet"}
    assert await world.listed("q=alphabt", world.owner) == []


async def test_a_single_article_is_shown_under_the_same_rule(world: World) -> None:
    for name, caller in world.callers.items():
        shown = {one.id for one in world.visible(caller)}
        for one in [*world.articles, *world.foreign]:
            status, found = await world.page(f"{world.slug}/articles/{one.id}?fields=id,title", caller)
            assert (status, found if status == 200 else found["type"]) == (
                (200, {"id": str(one.id), "title": one.title}) if one.id in shown else (404, "/problems/not-found")
            ), name


async def test_members_still_see_what_their_role_shows_them(world: World) -> None:
    answer = await world.api.client.get("/api/v1/articles?limit=200", headers=world.owner.headers)
    assert {one["id"] for one in answer.json()["items"]} == {str(one.id) for one in world.articles if one.deleted_at is None}
    foreign = await world.api.client.get(f"/api/v1/articles/{world.articles[0].id}", headers=world.stranger.headers)
    assert foreign.status_code == 404


@pytest.mark.parametrize("caller", ["anonymous", "owner", "member", "member of another tenant"])
async def test_a_handler_that_forgets_every_condition_gets_public_rows_only(world: World, caller: str) -> None:
    person = world.callers[caller]
    user = world.owner.id if person is None else person.id
    seen = await world.execute(ReadEverything(tenant=world.slug, user=user), person)
    assert set(seen.rows) | set(seen.refused) == {table.name for table in TABLES}
    articles = {str(one.id) for one in world.visible(person)}
    for table in TABLES:
        kind = ownership(table)
        if table is knowledge.TABLE:
            assert set(seen.rows["articles"]) == articles
        elif kind is Ownership.TENANT:
            assert seen.rows[table.name] == [], table.name
        elif kind is Ownership.SYSTEM:
            assert "which belong to the system and have no policy" in seen.refused[table.name]
        elif person is None:
            assert "of another user than the visitor" in seen.refused[table.name]


async def test_rows_of_another_user_than_the_visitor_are_refused(world: World) -> None:
    seen = await world.execute(ReadEverything(tenant=world.slug, user=world.owner.id), world.stranger)
    owned_by_users = {table.name for table in TABLES if ownership(table) is Ownership.USER}
    assert owned_by_users & set(seen.rows) == set()
    assert "of another user than the visitor. Pass request_user()" in seen.refused["sessions"]


async def test_public_rows_of_a_tenant_that_the_path_does_not_name_are_refused(world: World) -> None:
    with pytest.raises(ProgrammingError, match=r"reads articles, of another tenant than the visited one\. Pass readable_tenant"):
        await world.execute(ReadOfAnother(tenant=world.slug, other=world.stranger.tenant_id))


async def test_a_visit_has_no_rights(world: World) -> None:
    """What a member of the tenant may do elsewhere counts for nothing in a visit, and it changes nothing."""
    with world.acting(world.owner):
        context = current_context.get().visiting(TenantId(world.owner.tenant_id))
        assert (context.principal, context.tenant_id, context.access_token, context.user_id) == (None, None, "", world.owner.id)
        current_context.set(context)
        assert request_user() == world.owner.id
        with pytest.raises(Forbidden):
            request_tenant()
        with pytest.raises(Unauthenticated):
            await world.api.app.state.services.bus.execute(GetItem(id=uuid4()))
        with pytest.raises(ProgrammingError, match="changes nothing: it must not execute a command"):
            await world.api.app.state.services.container.transactions.run(Isolation.OPTIMISTIC, nothing)


async def nothing() -> None:
    """Nothing."""


async def test_a_visit_inside_a_transaction_is_refused(world: World) -> None:
    """Its settings would show the visit the rows of the transaction's tenant."""
    services = world.api.app.state.services

    async def visit() -> None:
        await services.bus.execute(CountArticles(tenant=world.slug))

    with world.acting(world.owner), pytest.raises(ProgrammingError, match="inside a unit of work"):
        await services.container.transactions.run(Isolation.SERIALIZABLE, visit)


async def test_cached_pages_do_not_mix(world: World) -> None:
    """The visitor's own drafts are in no page of another, nor is the page of another tenant; a commit ends the cached pages."""
    for _ in range(2):
        for caller in world.callers.values():
            assert await world.execute(CountArticles(tenant=world.slug), caller) == len(world.visible(caller))
        foreign = sum(one.published and one.deleted_at is None for one in world.foreign if one.tenant_id == world.stranger.tenant_id)
        assert await world.execute(CountArticles(tenant=world.other_slug)) == foreign
    draft = next(one for one in world.articles if not one.published and one.deleted_at is None and one.user_id == world.member.id)
    path, headers = f"/api/v1/articles/{draft.id}", {**world.owner.headers, "If-Match": "*"}
    for published, more in ((True, 1), (False, 0)):
        answer = await world.api.client.patch(path, json={"published": published}, headers=headers)
        assert answer.status_code == 200, answer.text
        assert await world.execute(CountArticles(tenant=world.slug)) == len(world.visible(None)) + more


async def test_a_tenant_without_public_pages_is_answered_as_one_that_does_not_exist(world: World) -> None:
    hidden = next(one for one in world.foreign if one.tenant_id != world.stranger.tenant_id and one.published)
    for path in ("articles", f"articles/{hidden.id}", f"articles/{uuid4()}"):
        answers = []
        for slug in (world.hidden_slug, "no-such-tenant", "NOT A SLUG", world.slug.upper(), f"{world.slug}%20", "x" * 200):
            status, problem = await world.page(f"{slug}/{path}", world.owner)
            answers.append((status, problem["type"], problem["title"], problem["detail"].replace(slug.replace("%20", " "), "…")))
        assert set(answers) == {(404, "/problems/not-found", "Not found", "No tenant with the id … exists.")}


async def test_a_tenant_ends_its_public_pages_within_a_second(world: World) -> None:
    """The next look after the cached one finds nothing; before that second has passed, the cached one may serve."""
    database, now = world.api.app.state.services.ports.database, [0.0]
    tenants = SqlPublicTenants(database, now=lambda: now[0])
    assert await tenants.named(world.other_slug) == world.stranger.tenant_id
    await switch(world.api, world.stranger, public_pages=False)
    try:
        now[0] = 0.99
        assert await tenants.named(world.other_slug) == world.stranger.tenant_id
        now[0] = 1.0
        assert await tenants.named(world.other_slug) is None
    finally:
        await switch(world.api, world.stranger, public_pages=True)


async def test_the_cache_of_slugs_is_bounded_and_remembers_the_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    database, asked = world.api.app.state.services.ports.database, []
    run = database.run

    async def counted(read: Any) -> Any:
        asked.append(1)
        return await run(read)

    monkeypatch.setattr(database, "run", counted)
    tenants = SqlPublicTenants(database, now=lambda: 0.0, capacity=3)
    for _ in range(3):
        assert await tenants.named("no-such-tenant") is None
    assert len(asked) == 1
    for number in range(10):
        await tenants.named(f"unknown-{number}")
    assert len(tenants._known) == 3


async def test_who_names_many_unknown_tenants_waits(world: World) -> None:
    """By address, and only that one. The limits of the test are its own, because those of the application are lifted."""
    address = f"198.51.100.{next(_numbers) % 250}"
    outcomes = list[type[ApiBaseError]]()
    for number in range(UNKNOWN_TENANTS.burst + 5):
        with pytest.raises((NotFound, TooManyRequests)) as raised:
            await world.execute(CountArticles(tenant=f"guess-{number}"), address=address)
        outcomes.append(raised.type)
    assert outcomes == [NotFound] * UNKNOWN_TENANTS.burst + [TooManyRequests] * 5
    with pytest.raises(TooManyRequests):
        await world.execute(CountArticles(tenant=world.slug), address=address)
    assert await world.execute(CountArticles(tenant=world.slug), address="198.51.100.251") == len(world.visible(None))


@pytest.mark.parametrize(
    ("breaking", "why"),
    [
        ("drop policy articles_app_public on articles", MISSING),
        ("alter policy articles_app_public on articles using (coalesce(tenant_id = nullif(current_setting('app.visited_tenant_id', true), '')::uuid, false))",
         "has the policy articles_app_public, which gives visitors other rows than the declaration, by which public='published', own='user_id': let both agree"),
    ],
)  # fmt: skip
async def test_a_policy_that_is_not_the_declared_one_is_refused_at_start(
    world: World, shared_migrated: Urls, breaking: str, why: str
) -> None:
    found = await refusals(shared_migrated, [*BUILT_IN, knowledge.PLAIN], breaking, "public")
    assert found == [f"In PostgreSQL, the table articles {one}." for one in ([why] if "drop" in breaking else [why, MISSING, STALE])]


async def test_the_policies_hold_below_the_statements(world: World, shared_migrated: Urls) -> None:
    """As the serving role with the settings of a visit, and nothing of the application between."""
    connection = await asyncpg.connect(shared_migrated.app)
    try:
        async with connection.transaction():
            await connection.execute("select set_config('app.visited_tenant_id', $1, true)", str(world.owner.tenant_id))
            found = {row["id"] for row in await connection.fetch("select id from articles")}
            assert found == {one.id for one in world.visible(None)}
            assert await connection.fetchval("select count(*) from items") == 0
            assert await connection.fetchval("select count(*) from tenants") == 0
            for statement in (
                "update articles set title = 'x'",
                "delete from articles",
            ):
                assert (await connection.execute(statement)).split()[-1] == "0"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(
                    "insert into articles select tenant_id, gen_random_uuid(), user_id, title, kind, rank, published, version, created_at, updated_at "
                    "from articles limit 1"
                )
    finally:
        await connection.close()
