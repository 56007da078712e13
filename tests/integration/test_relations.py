"""Relations: each pair at most once, added and removed any number of times, audited, and removed with what it belongs to."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from api_base.application.common.cqrs import AUTHENTICATED, Command, Registration, on
from api_base.bootstrap.context import Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.crud import Crud, crud
from api_base.bootstrap.services import Services, build, opened
from api_base.core.errors import NotFound, NoTransaction, ProgrammingError
from api_base.core.types import request_tenant
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.relations import SqlRelation, relation_table
from api_base.infrastructure.db.repository import SqlRepository
from api_base.infrastructure.db.schema import tenant_owned
from tests.application import settings_on
from tests.articles import Article, ArticleDTO, serving
from tests.support import act_for

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARTICLES: Crud[Article, ArticleDTO] = crud(Article, ArticleDTO, name="articles")
FOLLOWERS = relation_table("article_followers", {"article_id": ARTICLES.table, "user_id": None})
LINKS = relation_table("article_links", {"source_id": ARTICLES.table, "target_id": ARTICLES.table})


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Command[bool]):
    permission = AUTHENTICATED
    article_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollow(Command[bool]):
    permission = AUTHENTICATED
    article_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFollowed(Command[UUID]):
    permission = AUTHENTICATED
    user_id: UUID
    fails: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link(Command[bool]):
    permission = AUTHENTICATED
    source_id: UUID
    target_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase(Command[None]):
    """Delete an article permanently: its relations first, which `removed` tells, and the article after `go`."""

    permission = AUTHENTICATED
    id: UUID
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event | None = None


@dataclass(frozen=True, slots=True)
class Handlers:
    ports: Ports
    followers: SqlRelation
    links: SqlRelation
    articles: SqlRepository[Article]


class FollowHandler(Handlers):
    async def handle(self, command: Follow) -> bool:
        return await self.followers.put(article_id=command.article_id, user_id=command.user_id)


class UnfollowHandler(Handlers):
    async def handle(self, command: Unfollow) -> bool:
        return await self.followers.drop(article_id=command.article_id, user_id=command.user_id)


class LinkHandler(Handlers):
    async def handle(self, command: Link) -> bool:
        return await self.links.put(source_id=command.source_id, target_id=command.target_id)


class CreateFollowedHandler(Handlers):
    async def handle(self, command: CreateFollowed) -> UUID:
        article = await self.articles.create(made(self.ports))
        assert await self.followers.put(article_id=article.id, user_id=command.user_id)
        assert await self.followers.exists(article_id=article.id, user_id=command.user_id)
        if command.fails:
            raise ValueError("fails")
        return article.id


class EraseHandler(Handlers):
    async def handle(self, command: Erase) -> None:
        article = await self.articles.get(command.id)
        assert article is not None
        await self.articles.remove(article)
        command.removed.set()
        if command.go is not None:
            await command.go.wait()


def made(ports: Ports) -> Article:
    return Article.create(id=ports.ids.new(), now=ports.clock.now(), tenant_id=request_tenant(), slug=f"a-{uuid4().hex}", title="Article")


def handlers(ports: Ports) -> Sequence[Registration]:
    parts = (
        ports,
        SqlRelation(ports.database, FOLLOWERS, ports.audit_writer, ports.clock),
        SqlRelation(ports.database, LINKS, ports.audit_writer, ports.clock),
        ARTICLES.repository(ports.database),
    )
    return [
        on(Follow, FollowHandler(*parts)),
        on(Unfollow, UnfollowHandler(*parts)),
        on(Link, LinkHandler(*parts)),
        on(CreateFollowed, CreateFollowedHandler(*parts)),
        on(Erase, EraseHandler(*parts)),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def services(shared_migrated: Urls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    folder = tmp_path_factory.mktemp("articles")
    context = replace(ARTICLES.context(handlers=handlers, migrations=folder), tables=(ARTICLES.table, FOLLOWERS, LINKS))
    async with serving(shared_migrated, folder, [context]), opened(build(settings_on(shared_migrated), [*BUILT_IN, context])) as services:
        yield services


@pytest.fixture
def tenant(services: Services) -> UUID:
    tenant = uuid4()
    act_for(tenant, permissions=frozenset(ARTICLES.roles))
    return tenant


@pytest.fixture
def followers(services: Services) -> SqlRelation:
    container = services.container
    return SqlRelation(container.database, FOLLOWERS, container.audit_participant, container.clock)


async def article(services: Services) -> UUID:
    values = {"slug": f"a-{uuid4().hex}", "title": "Article"}
    return (await services.bus.execute(ARTICLES.create(values=values))).id


async def audited(urls: Urls, tenant: UUID) -> list[tuple[str, UUID, Any, Any]]:
    connection = await asyncpg.connect(urls.owner)
    rows = await connection.fetch(
        "select action, entity_id, before, after from audit where tenant_id = $1 and entity in ('article_followers', 'article_links') order by at, id",
        tenant,
    )
    await connection.close()
    return [(row["action"], row["entity_id"], *(json.loads(row[one] or "null") for one in ("before", "after"))) for row in rows]


async def test_a_pair_is_added_and_removed_once(services: Services, tenant: UUID, followers: SqlRelation, shared_migrated: Urls) -> None:
    pair = {"article_id": await article(services), "user_id": uuid4()}
    shown = {name: str(id) for name, id in pair.items()}
    assert await followers.exists(**pair) is False
    assert [await services.bus.execute(Follow(**pair)) for _ in range(3)] == [True, False, False]
    assert await followers.exists(**pair) is True
    assert [await services.bus.execute(Unfollow(**pair)) for _ in range(2)] == [True, False]
    assert await followers.exists(**pair) is False
    assert await audited(shared_migrated, tenant) == [
        ("article_followers.added", pair["article_id"], None, shown),
        ("article_followers.removed", pair["article_id"], shown, None),
    ]


async def test_of_many_at_once_one_adds_the_pair(services: Services, tenant: UUID, shared_migrated: Urls) -> None:
    pair = {"article_id": await article(services), "user_id": uuid4()}
    assert sorted(await asyncio.gather(*(services.bus.execute(Follow(**pair)) for _ in range(8)))) == [*[False] * 7, True]
    assert len(await audited(shared_migrated, tenant)) == 1
    assert sorted(await asyncio.gather(*(services.bus.execute(Unfollow(**pair)) for _ in range(8)))) == [*[False] * 7, True]
    assert len(await audited(shared_migrated, tenant)) == 2


async def test_a_pair_may_refer_to_what_the_command_creates(services: Services, tenant: UUID, followers: SqlRelation) -> None:
    user = uuid4()
    created = await services.bus.execute(CreateFollowed(user_id=user))
    assert await followers.exists(article_id=created, user_id=user)


async def test_a_command_that_fails_adds_nothing(services: Services, tenant: UUID, shared_migrated: Urls) -> None:
    with pytest.raises(ValueError, match="fails"):
        await services.bus.execute(CreateFollowed(user_id=uuid4(), fails=True))
    assert await audited(shared_migrated, tenant) == []


async def test_what_does_not_exist_has_no_pairs(services: Services, tenant: UUID) -> None:
    missing = uuid4()
    with pytest.raises(NotFound, match=f"No article with the id {missing} exists"):
        await services.bus.execute(Follow(article_id=missing, user_id=uuid4()))
    with pytest.raises(NotFound, match=f"No target with the id {missing} exists"):
        await services.bus.execute(Link(source_id=await article(services), target_id=missing))


async def test_what_is_of_another_tenant_has_no_pairs_and_shows_none(services: Services, tenant: UUID, followers: SqlRelation) -> None:
    pair = {"article_id": await article(services), "user_id": uuid4()}
    await services.bus.execute(Follow(**pair))
    act_for(uuid4(), permissions=frozenset(ARTICLES.roles))
    assert await followers.exists(**pair) is False
    assert await services.bus.execute(Unfollow(**pair)) is False
    with pytest.raises(NotFound):
        await services.bus.execute(Follow(**pair))
    act_for(tenant)
    assert await followers.exists(**pair) is True


async def test_a_permanent_deletion_removes_and_audits_the_pairs_of_both_ends(
    services: Services, tenant: UUID, followers: SqlRelation, shared_migrated: Urls
) -> None:
    erased, kept, users = await article(services), await article(services), sorted(uuid4() for _ in range(3))
    for user in users:
        await services.bus.execute(Follow(article_id=erased, user_id=user))
        await services.bus.execute(Follow(article_id=kept, user_id=user))
    await services.bus.execute(Link(source_id=erased, target_id=kept))
    await services.bus.execute(Link(source_id=kept, target_id=erased))
    before = len(await audited(shared_migrated, tenant))
    await services.bus.execute(Erase(id=erased))
    assert (await audited(shared_migrated, tenant))[before:] == [
        ("article_followers.removed", erased, {"article_id": str(erased), "user_id": [str(user) for user in users]}, None),
        ("article_links.removed", erased, {"source_id": str(erased), "target_id": [str(kept)]}, None),
        ("article_links.removed", erased, {"target_id": str(erased), "source_id": [str(kept)]}, None),
    ]
    assert not await followers.exists(article_id=erased, user_id=users[0])
    assert await followers.exists(article_id=kept, user_id=users[0])


async def test_a_pair_that_comes_meanwhile_is_removed_too(services: Services, tenant: UUID, shared_migrated: Urls) -> None:
    erased, user, go = await article(services), uuid4(), asyncio.Event()
    command = Erase(id=erased, go=go)
    erasing = asyncio.create_task(services.bus.execute(command))
    await command.removed.wait()
    assert await services.bus.execute(Follow(article_id=erased, user_id=user)) is True
    go.set()
    await erasing
    assert [one[0] for one in await audited(shared_migrated, tenant)] == ["article_followers.added", "article_followers.removed"]


async def test_a_deletion_that_can_be_undone_keeps_the_pairs(services: Services, tenant: UUID, followers: SqlRelation) -> None:
    pair = {"article_id": await article(services), "user_id": uuid4()}
    await services.bus.execute(Follow(**pair))
    await services.bus.execute(ARTICLES.delete(id=pair["article_id"], expected_version=1))
    assert await followers.exists(**pair) is True


async def test_no_tenant_reads_or_changes_the_pairs_of_another(services: Services, tenant: UUID, shared_migrated: Urls) -> None:
    pair = {"article_id": await article(services), "user_id": uuid4()}
    await services.bus.execute(Follow(**pair))
    connection = await asyncpg.connect(shared_migrated.app)
    await connection.execute("select set_config('app.tenant_id', $1, false)", str(uuid4()))
    assert await connection.fetchval("select count(*) from article_followers") == 0
    assert await connection.execute("delete from article_followers") == "DELETE 0"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("insert into article_followers values ($1, $2, $3, now())", tenant, *pair.values())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("update article_followers set created_at = now()")
    await connection.close()


async def test_what_is_declared_or_called_wrong_says_so(services: Services, tenant: UUID, followers: SqlRelation) -> None:
    with pytest.raises(ProgrammingError, match="A pair of 'article_followers' is named article_id=… and user_id=…, and not article"):
        await followers.exists(article=uuid4())
    with pytest.raises(NoTransaction):
        await followers.put(article_id=uuid4(), user_id=uuid4())
    with pytest.raises(ProgrammingError, match="the relation 'votes' needs two columns"):
        relation_table("votes", {"article_id": ARTICLES.table})
    other = tenant_owned("others", FOLLOWERS.metadata)
    with pytest.raises(ProgrammingError, match="'others' is no relation"):
        SqlRelation(services.container.database, other, services.container.audit_participant, services.container.clock)
