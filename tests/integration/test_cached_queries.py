"""The shipped cacheable queries on a real database: answered from the cache, and never with what was before a committed change."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.common.cqrs import Cacheable, Query, answer_of
from api_base.application.common.listing import ListRequest
from api_base.application.tenants.queries import MEMBER_FIELDS, GetTenant, ListMembers
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.protocols import CacheStats, Isolation
from api_base.core.types import current_context
from api_base.infrastructure.cache.query_cache import QueryCache
from api_base.infrastructure.db.changes import CHANGES
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory, savepoint
from api_base.infrastructure.tenants import mapper
from api_base.infrastructure.tenants.queries import GetTenantHandler
from api_base.infrastructure.tenants.repository import SqlTenantRepository
from tests.application import Person, Running, running, settings_on

ROUNDS: Final = 50
WITHIN: Final = 1.0
"""Seconds."""


@pytest.fixture
async def api(migrated: Urls, cache: dict[str, Any]) -> AsyncIterator[Running]:
    async with running(settings_on(migrated, cache=cache)) as started:
        yield started


@pytest.fixture
async def person(api: Running) -> Person:
    return await api.person()


@dataclass(frozen=True, slots=True)
class Asked:
    """A cacheable query of a person's tenant, and a request that changes its result, once for each `number`."""

    query: Callable[[UUID], Query[Any]]
    path: str
    change: Callable[[Running, Person, int], Awaitable[None]]


async def rename(api: Running, person: Person, number: int) -> None:
    headers = person.headers | {"Content-Type": "application/merge-patch+json", "If-Match": "*"}
    path = f"/api/v1/tenants/{person.tenant_id}"
    renamed = await api.client.patch(path, json={"name": f"Name {number}"}, headers=headers)
    assert renamed.status_code == 200, renamed.text


async def add_member(api: Running, person: Person, number: int) -> None:
    await api.member(person, "viewer")


ASKED: Final = {
    GetTenant: Asked(lambda tenant: GetTenant(id=tenant), "/api/v1/tenants/{}", rename),
    ListMembers: Asked(
        lambda tenant: ListMembers(tenant_id=tenant, request=ListRequest(sort=MEMBER_FIELDS.default_sort)),
        "/api/v1/tenants/{}/members",
        add_member,
    ),
}


@pytest.fixture(params=ASKED, ids=lambda query: query.__name__)
def asked(request: pytest.FixtureRequest) -> Asked:
    found: Asked = ASKED[request.param]
    return found


def cacheable(services: Services) -> list[type[Query[Any]]]:
    registrations = [one for context in BUILT_IN for one in context.handlers(services.ports)]
    queries = [one.message for one in registrations if issubclass(one.message, Query)]
    return [query for query in queries if query.cacheable is not Cacheable.NEVER]


async def test_every_cacheable_query_is_tried_here_and_reads_what_repositories_store(api: Running) -> None:
    queries = cacheable(api.services)
    assert set(queries) == set(ASKED)
    entities = {one.entity for one in vars(mapper).values() if isinstance(one, TableMapping)}
    assert {entity for query in queries for entity in query.reads} <= entities


async def stats(api: Running, query: Query[Any], tenant: UUID) -> CacheStats:
    kind = type(query)
    of = api.services.container.caches.providers(f"{kind.__module__}.{kind.__qualname__}", answer_of(kind))
    return await of(tenant).get_stats()


async def test_a_result_is_used_again(api: Running, person: Person, asked: Asked) -> None:
    principal = await api.services.container.access.resolve(person.id, person.tenant_id)  # type: ignore[arg-type]
    current_context.set(current_context.get().acting(principal))
    query = asked.query(person.tenant_id)
    first = await api.services.bus.execute(query)
    assert await api.services.bus.execute(query) == first
    found = await stats(api, query, person.tenant_id)
    assert (found.hits, found.misses, found.size) == (1, 1, 1)


async def test_a_change_is_seen_as_soon_as_it_is_answered(api: Running, person: Person, asked: Asked) -> None:
    path, seen = asked.path.format(person.tenant_id), set()
    for number in range(5):
        for _ in range(2):
            answer = await api.client.get(path, headers=person.headers)
            assert answer.status_code == 200
        seen.add(answer.text)
        await asked.change(api, person, number)
    assert len(seen) == 5


async def test_another_tenant_is_answered_as_if_there_were_no_cache(api: Running, person: Person, asked: Asked) -> None:
    path = asked.path.format(person.tenant_id)
    assert (await api.client.get(path, headers=person.headers)).status_code == 200
    stranger = await api.person()
    refused = await api.client.get(path, headers=stranger.headers)
    unknown = await api.client.get(asked.path.format(uuid4()), headers=stranger.headers)
    assert (refused.status_code, unknown.status_code) == (404, 404)


async def test_a_lowered_role_sees_nothing_of_before_within_a_second(api: Running, person: Person, asked: Asked) -> None:
    """And a removed member nothing. `Cache-Status` says whether what was cached for the former role is used."""
    path, member = asked.path.format(person.tenant_id), await api.member(person, "admin")
    membership = f"/api/v1/tenants/{person.tenant_id}/members/{member.id}"
    conditional = person.headers | {"If-Match": "*"}
    for _ in range(2):
        before = await api.client.get(path, headers=member.headers)
    assert before.headers["cache-status"].startswith("api-base; hit")
    merge = conditional | {"Content-Type": "application/merge-patch+json"}
    assert (await api.client.patch(membership, json={"role": "viewer"}, headers=merge)).status_code == 200
    lowered = time.monotonic()
    managed = f"/api/v1/tenants/{person.tenant_id}/invitations"
    await refused(api, managed, member, 403, lowered)
    assert (await api.client.get(path, headers=member.headers)).headers["cache-status"] == "api-base; fwd=miss"
    assert (await api.client.delete(membership, headers=conditional)).status_code == 204
    removed = time.monotonic()
    await refused(api, path, member, 401, removed)


async def refused(api: Running, path: str, person: Person, status: int, changed: float) -> None:
    """Every request is refused that begins a second after the change, however long its own answer takes on a busy machine."""
    began = time.monotonic()
    while (await api.client.get(path, headers=person.headers)).status_code != status:
        assert began < changed + WITHIN
        began = time.monotonic()


async def test_a_load_held_while_a_write_commits_stores_nothing(migrated: Urls, cache: dict[str, Any]) -> None:
    """The loader has read; then the write commits and invalidates; then the loader ends. Nobody finds the old name afterwards."""
    async with running(settings_on(migrated, cache=cache)) as api, opened(build(api.services.settings, BUILT_IN)) as services:
        person = await api.person()
        principal = await services.container.access.resolve(person.id, person.tenant_id)  # type: ignore[arg-type]
        current_context.set(current_context.get().acting(principal))
        held = HeldHandler(services)
        for number in range(ROUNDS):
            await services.container.caches.invalidate(person.tenant_id, ["tenant"])
            early = asyncio.create_task(held.ask(person.tenant_id))
            await held.has_read.wait()
            await held.rename(person.tenant_id, f"Name {number}")
            held.go_on.set()
            await early
            assert await held.ask(person.tenant_id) == f"Name {number}"
            held.begin_round()


async def test_a_commit_notifies_of_what_it_changed_and_a_rollback_does_not(api: Running, person: Person) -> None:
    """As one statement, in a transaction with a savepoint, and in a serializable one."""
    received: list[str] = []
    database, tenants = api.services.ports.database, SqlTenantRepository(api.services.ports.database)
    begin = SqlUnitOfWorkFactory(database.pool, [], None, api.services.container.providers["query_cache"]())
    current_context.set(current_context.get().acting(await api.services.container.access.resolve(person.id, person.tenant_id)))  # type: ignore[arg-type]
    listener = await asyncpg.connect(api.services.settings.database.url_of("owner"))
    await listener.add_listener(CHANGES, lambda _, __, ___, payload: received.append(str(payload)))

    async def change(isolation: Isolation, number: int, *, inside: bool = False, fail: bool = False) -> None:
        async with begin(isolation):
            found = await tenants.get(person.tenant_id)
            assert found is not None
            found.rename(f"Name {number}", now=api.services.container.clock.now())
            async with savepoint() if inside else nullcontext():
                await tenants.update(found)
            if fail:
                raise RuntimeError

    for number, (isolation, inside) in enumerate(
        [(Isolation.OPTIMISTIC, False), (Isolation.OPTIMISTIC, True), (Isolation.SERIALIZABLE, False)]
    ):
        with pytest.raises(RuntimeError):
            await change(isolation, 100 + number, inside=inside, fail=True)
        await change(isolation, number, inside=inside)
        await until(lambda: len(received) > number)  # noqa: B023
    await listener.execute(f"notify {CHANGES}, 'last'")
    await until(lambda: received[-1] == "last")
    await listener.close()
    assert [one.partition("\n")[2] for one in received] == [f"{person.tenant_id} tenant"] * 3 + [""]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


class HeldHandler:
    """`GetTenant` behind the cache, which waits between reading and answering in the first execution of a round."""

    def __init__(self, services: Services) -> None:
        database, self._container = services.ports.database, services.container
        cache = QueryCache(services.container.caches)
        self._tenants = SqlTenantRepository(database)
        self._handler = GetTenantHandler(database)
        self._query = cache(GetTenant, self._handle)
        self._begin = SqlUnitOfWorkFactory(database.pool, [services.container.audit_participant], None, cache)
        self.begin_round()

    def begin_round(self) -> None:
        self.has_read, self.go_on = asyncio.Event(), asyncio.Event()

    async def ask(self, tenant: UUID) -> str:
        name: str = (await self._query(GetTenant(id=tenant))).name
        return name

    async def rename(self, tenant: UUID, name: str) -> None:
        async with self._begin(Isolation.OPTIMISTIC):
            found = await self._tenants.get(tenant)
            assert found is not None
            found.rename(name, now=self._container.clock.now())
            await self._tenants.update(found)

    async def _handle(self, query: GetTenant) -> Any:
        answer = await self._handler.handle(query)
        if not self.has_read.is_set():
            self.has_read.set()
            await self.go_on.wait()
        return answer
