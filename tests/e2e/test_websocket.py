"""`/ws` of two server processes: tickets, events of items, tokens that end, and clients that we did not write."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.e2e.conftest import Project
from tests.e2e.processes import PATIENCE, UNLIMITED, Backend, serving

pytestmark = pytest.mark.slow

SUBPROTOCOLS = [Subprotocol("api-base.v1")]
LIMITS = {
    **UNLIMITED,
    "RATE_LIMIT__LOGIN_REQUESTS": "100000",
    "RATE_LIMIT__LOGIN_BURST": "100000",
    "WEBSOCKET__MAX_UNAUTHENTICATED_PER_ADDRESS": "100",
}


@pytest.fixture(scope="module")
def backends(project: Project) -> Iterator[list[Backend]]:
    """Two servers, each a process of its own, on one database; the worker of the first gives events their places in the channels."""
    with ExitStack() as stack:
        yield [stack.enter_context(serving(project.home, *options, **LIMITS)).ready() for options in ((), ("--no-worker",))]


@pytest.fixture
def token(backends: list[Backend], project: Project) -> str:
    return member_token(backends[0], project)


def member_token(backend: Backend, project: Project) -> str:
    """A token of the administrator for the demonstration tenant."""
    found = project.log_in(backend)
    tenant = next(one["id"] for one in ask(backend, "GET", "/tenants", found)["items"] if one["slug"] == "demo")
    switched: str = ask(backend, "POST", f"/tenants/{tenant}/switch", found)["access_token"]
    return switched


def ask(backend: Backend, method: str, path: str, token: str, body: Any = None) -> Any:
    status, answer = backend.request(method, f"/api/v1{path}", body, token)
    assert status < 300, answer
    return answer


def socket(backend: Backend, token: str | None = None, **options: Any) -> connect:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return connect(f"ws://127.0.0.1:{backend.port}/ws", subprotocols=SUBPROTOCOLS, additional_headers=headers, **options)


async def said(client: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(client.recv(), PATIENCE))


async def answered(client: ClientConnection, **request: Any) -> Any:
    """The answer to a request: the next message with its id."""
    await client.send(json.dumps({"id": "r1", **request}))
    while True:
        found = await said(client)
        if found.get("id") == "r1":
            return found


async def event_named(client: ClientConnection, name: str) -> Any:
    """The next event of this name; those of the first start, such as the creation of the tenant, may come before it."""
    while True:
        found = await said(client)
        assert found["type"] == "event", found
        if found["event"]["name"] == name:
            return found


async def ended(client: ClientConnection) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as raised:
        while True:
            await asyncio.wait_for(client.recv(), PATIENCE)
    assert raised.value.rcvd is not None
    return raised.value.rcvd.code, raised.value.rcvd.reason


def ticket_of(backend: Backend, token: str, origin: str | None = None) -> str:
    status, _, answer = backend.exchange("POST", "/api/v1/events/ticket", None, token, {} if origin is None else {"Origin": origin})
    assert status == 201, answer
    ticket: str = answer["ticket"]
    return ticket


def new_item(backend: Backend, token: str, sku: str) -> Any:
    return ask(backend, "POST", "/items", token, {"sku": sku, "name": "Chair", "category": "furniture"})


async def test_events_of_another_process_arrive_and_are_recovered(backends: list[Backend], token: str) -> None:
    async with socket(backends[0], token) as client:
        assert (await said(client))["type"] == "authenticated"
        begun = await answered(client, type="subscribe", channel="tenant")
        assert (begun["type"], begun["recovered"]) == ("subscribed", None), begun
        item = await asyncio.to_thread(new_item, backends[1], token, f"WS-{time.time_ns()}")
        event = await event_named(client, "items.created.v1")
        assert event["channel"] == "tenant"
        assert item["id"] in json.dumps(event["event"]["data"])
    async with socket(backends[1], token) as client:
        await said(client)
        again = await answered(client, type="subscribe", channel="tenant", position=begun["position"])
        assert again["recovered"] is True
        assert (await event_named(client, "items.created.v1"))["event"] == event["event"]
        twice = await answered(client, type="subscribe", channel="tenant")
        assert twice["problem"]["status"] == 409


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("{", 400),
        ('{"type": "ping", "type": "ping"}', 400),
        ("[" * 100 + "]" * 100, 400),
        ('{"type": "unknown"}', 422),
        ('{"type": "ping", "surplus": 1}', 422),
        ('{"type": "subscribe", "channel": 5}', 422),
        ('{"type": "subscribe", "channel": "tenant", "position": "x"}', 422),
        ('{"type": "subscribe", "channel": "items/01900000-0000-7000-8000-000000000001"}', 404),
        ('{"type": "authenticate", "token": "x"}', 403),
        ('{"type": "renew", "token": "x"}', 401),
    ],
)
async def test_a_wrong_request_is_answered_with_a_problem(backends: list[Backend], token: str, message: str, status: int) -> None:
    async with socket(backends[0], token) as client:
        await said(client)
        await client.send(message)
        found = await said(client)
        assert (found["type"], found["problem"]["status"]) == ("error", status), found
        assert found["problem"]["detail"]
        assert (await answered(client, type="ping"))["type"] == "pong"


async def test_a_ticket_is_used_once_also_if_two_processes_race(backends: list[Backend], token: str) -> None:
    async def attempt(backend: Backend, ticket: str) -> bool:
        async with socket(backend) as client:
            found = await answered(client, type="authenticate", ticket=ticket)
            if found["type"] == "authenticated":
                return True
            assert (await ended(client))[0] == 3000
            return False

    for _ in range(5):
        ticket = await asyncio.to_thread(ticket_of, backends[0], token)
        assert sorted(await asyncio.gather(*(attempt(backend, ticket) for backend in backends * 2))) == [False, False, False, True]
        assert ticket not in backends[0].output + backends[1].output


async def test_a_ticket_is_bound_to_the_origin(backends: list[Backend], token: str) -> None:
    origin = f"http://127.0.0.1:{backends[0].port}"
    ticket = await asyncio.to_thread(ticket_of, backends[0], token, origin)
    async with socket(backends[0]) as client:
        await client.send(json.dumps({"type": "authenticate", "ticket": ticket}))
        assert (await said(client))["problem"]["status"] == 401
        assert (await ended(client))[0] == 3000
    ticket = await asyncio.to_thread(ticket_of, backends[0], token, origin)
    async with socket(backends[0], origin=Origin(origin)) as client:
        assert (await answered(client, type="authenticate", ticket=ticket))["type"] == "authenticated"


async def test_a_token_in_the_first_message_authenticates_and_a_wrong_one_does_not(backends: list[Backend], token: str) -> None:
    async with socket(backends[0]) as client:
        assert (await answered(client, type="authenticate", token=token))["type"] == "authenticated"
        renewed = await answered(client, type="renew", token=token)
        assert renewed["type"] == "renewed"
    async with socket(backends[0]) as client:
        await client.send(json.dumps({"type": "authenticate", "token": "x"}))
        assert (await said(client))["problem"]["status"] == 401
        assert (await ended(client))[0] == 3000
    async with socket(backends[0]) as client:
        await client.send(json.dumps({"type": "subscribe", "channel": "tenant"}))
        assert (await said(client))["problem"]["status"] == 401
        assert (await ended(client))[0] == 3000


async def test_a_token_in_the_url_and_a_foreign_origin_are_refused(backends: list[Backend], token: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{backends[0].port}/ws?token={token}")
    assert refused.value.response.status_code == 400
    with pytest.raises(InvalidStatus) as refused:
        await socket(backends[0], token, origin=Origin("https://evil.test"))
    assert refused.value.response.status_code == 403


async def test_a_log_out_in_another_process_closes_within_a_second(backends: list[Backend], project: Project) -> None:
    seconds = []
    for _ in range(5):
        token = await asyncio.to_thread(project.log_in, backends[0])
        async with socket(backends[0], token) as client:
            await said(client)
            await asyncio.to_thread(ask, backends[1], "POST", "/auth/logout", token, {})
            began = time.monotonic()
            assert await ended(client) == (3000, "the session, the user or the membership has ended")
            seconds.append(time.monotonic() - began)
    assert median(seconds) < 1.0, seconds  # a busy machine may delay one of them


async def test_presence_names_who_joins_and_leaves(backends: list[Backend], token: str) -> None:
    async with socket(backends[0], token) as client:
        await said(client)
        await answered(client, type="subscribe", channel="tenant", presence=True)
        found = await answered(client, type="presence", channel="tenant")
        assert len(found["members"]) == 1
        assert (await answered(client, type="unsubscribe", channel="tenant"))["type"] == "unsubscribed"
