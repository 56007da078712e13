"""A service's messages executed from another as if they were its own: by a real broker, on a real database, for the caller's user."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from api_base.application.common.cqrs import AUTHENTICATED, Command, Query, Registration, on
from api_base.application.common.remote import RemoteBus
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.bootstrap.worker import create_worker
from api_base.core.config import Settings
from api_base.core.config.messaging import RemoteSettings
from api_base.core.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    IdempotencyKeyReused,
    Invalid,
    NotFound,
    ProgrammingError,
    Unauthenticated,
    Unavailable,
)
from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.remote.rpc_messages import queue_of
from api_base.serving.worker import run_worker
from tests.application import Person, Running, running, settings_on
from tests.rabbitmq import by_way_of, connected, delete
from tests.services import Toxiproxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Chair:
    """Of an item, what this service wants to know."""

    id: UUID
    name: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GetChair(Query[Chair]):
    remote = "items.get"
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ChairDetails:
    sku: str
    name: str
    category: str = "furniture"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddChair(Command[Chair]):
    remote = "items.create"
    details: ChairDetails


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Query[None]):
    remote = "items.explode"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misfit(Query[None]):
    remote = "items.get"
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOf(Query[str]):
    """A message of the calling service, whose handler asks the other one."""

    permission = AUTHENTICATED
    id: UUID


class NameOfHandler:
    def __init__(self, catalogue: RemoteBus) -> None:
        self._catalogue = catalogue

    async def handle(self, query: NameOf) -> str:
        return (await self._catalogue.execute(GetChair(id=query.id))).name


def ordering(service: str) -> Context:
    """A context that depends on another service."""

    def handlers(ports: Ports) -> list[Registration]:
        return [on(NameOf, NameOfHandler(ports.remote(service)))]

    return Context(name="ordering", handlers=handlers)


@dataclass(frozen=True)
class Two:
    """A catalogue, whose worker answers, and a service that asks it; both know the same users."""

    catalogue: Running
    caller: Services
    bus: RemoteBus

    def act_as(self, person: Person | None, **changes: Any) -> None:
        """What follows in this task is a request of this user's to the calling service."""
        current_context.set(RequestContext(request_id="asking", access_token="" if person is None else person.access_token, **changes))


@asynccontextmanager
async def working(settings: Settings, urls: Urls) -> AsyncIterator[None]:
    """A worker that answers other services. Returns once it takes their messages."""
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(create_worker(settings, BUILT_IN, ["remote"]), urls, stop))
    assert settings.remote.url is not None
    async with connected(settings.remote.url.get_secret_value()) as connection:
        async with asyncio.timeout(30):
            while not await taken(connection, queue_of(settings.app_name)):
                assert not worker.done(), worker.result()
                await asyncio.sleep(0.01)
        yield
        stop.set()
        await worker


async def taken(connection: Any, queue: str) -> bool:
    import aio_pika

    channel = await connection.channel()
    try:
        declared = await channel.declare_queue(queue, passive=True)
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False
    return bool(declared.declaration_result.consumer_count)


@pytest.fixture
async def two(migrated: Urls, amqp_url: str) -> AsyncIterator[Two]:
    name = f"catalogue-{uuid4()}"
    catalogue = settings_on(migrated, remote={"url": amqp_url}).model_copy(update={"app_name": name})
    asking = catalogue.model_copy(update={"app_name": f"ordering-{uuid4()}"})
    async with running(catalogue) as serving, working(catalogue, migrated), opened(build(asking, [*BUILT_IN, ordering(name)])) as caller:
        yield Two(serving, caller, caller.ports.remote(name))
    async with connected(amqp_url) as connection:
        await delete(connection, queue_of(name))


async def test_a_query_answers_what_the_caller_wants_of_it(two: Two) -> None:
    owner = await two.catalogue.person()
    item = await two.catalogue.item(owner, name="Rocking chair")
    two.act_as(owner)
    assert await two.bus.execute(GetChair(id=UUID(item["id"]))) == Chair(id=UUID(item["id"]), name="Rocking chair", version=1)


async def test_a_handler_asks_another_service_as_if_it_were_here(two: Two) -> None:
    owner = await two.catalogue.person()
    item = await two.catalogue.item(owner, name="Stool")
    claims = two.caller.container.token_verifier.verify(owner.access_token.encode())
    two.act_as(owner, principal=await two.caller.container.access.principal(claims))
    assert await two.caller.bus.execute(NameOf(id=UUID(item["id"]))) == "Stool"


async def test_a_command_is_carried_out_there_with_its_audit_and_the_callers_request(two: Two, migrated: Urls) -> None:
    owner = await two.catalogue.person()
    two.act_as(owner, trace_id="a" * 32, span_id="b" * 16)
    made = await two.bus.execute(AddChair(details=ChairDetails(sku="C-1", name="Chair")))
    shown = await two.catalogue.client.get(f"/api/v1/items/{made.id}", headers=owner.headers)
    assert shown.json()["name"] == "Chair"
    (record,) = await rows(migrated, "select actor_id, request_id, trace_id from audit where entity_id = $1", made.id)
    assert tuple(record) == (owner.id, "asking", "a" * 32)


async def test_errors_of_the_service_arrive_as_its_own(two: Two) -> None:
    owner, stranger = await two.catalogue.person(), await two.catalogue.person()
    item = await two.catalogue.item(owner, sku="C-1")
    two.act_as(owner)
    with pytest.raises(NotFound):
        await two.bus.execute(GetChair(id=uuid4()))
    with pytest.raises(Conflict, match="C-1"):
        await two.bus.execute(AddChair(details=ChairDetails(sku="C-1", name="Chair")))
    with pytest.raises(Invalid) as caught:
        await two.bus.execute(AddChair(details=ChairDetails(sku="", name="x" * 1000)))
    assert {one.pointer for one in caught.value.violations} == {"/sku", "/name"}
    two.act_as(stranger)
    with pytest.raises(NotFound):
        await two.bus.execute(GetChair(id=UUID(item["id"])))


async def test_who_may_not_here_may_not_there(two: Two, migrated: Urls) -> None:
    """The principal that the calling service believes in counts for nothing."""
    owner = await two.catalogue.person()
    viewer = await two.catalogue.member(owner, "viewer")
    claims = two.caller.container.token_verifier.verify(owner.access_token.encode())
    principal = await two.caller.container.access.principal(claims)
    for person, refused in ((viewer, Forbidden), (None, Unauthenticated)):
        two.act_as(person, principal=principal)
        with pytest.raises(refused):
            await two.bus.execute(AddChair(details=ChairDetails(sku="C-1", name="Chair")))
    kept = await rows(migrated, "select action from audit where entity = 'REMOTE items.create' order by at")
    assert [row["action"] for row in kept] == ["refused.403", "refused.401"]


async def test_a_session_that_has_ended_is_refused_there_too(two: Two) -> None:
    owner = await two.catalogue.person()
    item = await two.catalogue.item(owner)
    two.act_as(owner)
    await two.bus.execute(GetChair(id=UUID(item["id"])))
    ended = await two.catalogue.client.post("/api/v1/auth/logout", json={}, headers=owner.headers)
    assert ended.status_code == 204, ended.text

    async def refused() -> bool:
        try:
            await two.bus.execute(GetChair(id=UUID(item["id"])))
        except Unauthenticated:
            return True
        return False

    async with asyncio.timeout(30):
        while not await refused():
            await asyncio.sleep(0.01)


async def test_a_key_makes_one_effect_of_many_attempts(two: Two) -> None:
    owner = await two.catalogue.person()
    two.act_as(owner)
    command = AddChair(details=ChairDetails(sku="ONCE", name="Chair"))
    answers = await asyncio.gather(*(two.bus.execute(command, key="the key") for _ in range(10)))
    assert len({answer.id for answer in answers}) == 1
    with pytest.raises(IdempotencyKeyReused):
        await two.bus.execute(AddChair(details=ChairDetails(sku="TWICE", name="Chair")), key="the key")


async def test_a_lost_answer_is_found_again_and_nothing_is_done_twice(migrated: Urls, amqp_url: str, toxiproxy: Toxiproxy) -> None:
    """The service's way to the broker is cut again and again, in the middle of what it carries out."""
    name = f"catalogue-{uuid4()}"
    with toxiproxy.to(amqp_url.rpartition("@")[2].strip("/")) as way:
        settings = settings_on(migrated, remote={"url": amqp_url}, resilience={"open_seconds": 0.1}).model_copy(update={"app_name": name})
        cut_off = settings.model_copy(update={"remote": RemoteSettings(url=by_way_of(amqp_url, way.host, way.port))})
        async with running(settings) as catalogue, working(cut_off, migrated), opened(build(settings, BUILT_IN)) as caller:
            current_context.set(RequestContext(request_id="asking", access_token=(await catalogue.person()).access_token))
            adding = [asyncio.create_task(until_added(caller.ports.remote(name), f"SKU-{number}")) for number in range(60)]
            while not all(task.done() for task in adding):
                await some_more_of(migrated)
                way.cut()
                way.mend()
            answered = await asyncio.gather(*adding)
    async with connected(amqp_url) as connection:
        await delete(connection, queue_of(name))
    stored = await rows(migrated, "select id from items")
    assert len(stored) == 60
    assert {row["id"] for row in stored} == {chair.id for chair in answered}


async def until_added(catalogue: RemoteBus, sku: str) -> Chair:
    while True:
        try:
            return await catalogue.execute(AddChair(details=ChairDetails(sku=sku, name="Chair")), key=sku)
        except Unavailable:
            await asyncio.sleep(0.05)


async def some_more_of(urls: Urls) -> None:
    """Returns when another item is there, or none has come for a second."""
    [before] = await rows(urls, "select count(*) from items")
    for _ in range(100):
        [now] = await rows(urls, "select count(*) from items")
        if now["count"] > before["count"]:
            return
        await asyncio.sleep(0.01)


async def test_a_disagreement_about_the_contract_is_a_mistake_of_the_program(two: Two) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Nameless(Query[None]):
        id: UUID

    owner = await two.catalogue.person()
    two.act_as(owner)
    for message in (Nameless(id=uuid4()), Unknown(), Misfit(id=1)):
        with pytest.raises(ProgrammingError):
            await two.bus.execute(message)


async def test_nobody_is_asked_where_no_broker_is_configured(migrated: Urls) -> None:
    services = build(settings_on(migrated), BUILT_IN)
    with pytest.raises(ConfigurationError, match="REMOTE__URL"):
        services.ports.remote("catalogue")


async def test_two_contexts_cannot_serve_one_name(migrated: Urls, amqp_url: str) -> None:
    settings = settings_on(migrated, remote={"url": amqp_url})
    twice = Context(name="twice", remote={"items.get": NameOf})
    with pytest.raises(ConfigurationError, match=r"items\.get"):
        create_worker(settings, [*BUILT_IN, twice])


async def rows(urls: Urls, sql: str, *arguments: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(urls.owner)
    try:
        return await connection.fetch(sql, *arguments)
    finally:
        await connection.close()
