"""graphql-transport-ws, message by message: every close code, limits, and sessions that end with their token."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import pytest

from api_base.application.common.cqrs import Message
from api_base.application.common.realtime import Channels, Realtime
from api_base.core.config.graphql import GraphQLSettings
from api_base.core.errors import TooManyRequests, Unauthenticated
from api_base.core.types import NO_REQUEST, SessionId
from api_base.interface.graphql.http import GraphQLEndpoint, routes
from api_base.interface.graphql.sessions import LiveSessions
from api_base.interface.graphql.transport_ws import OPTIONS, SUBPROTOCOL, GraphQLSockets
from tests.factories.graphql import engine
from tests.http_harness import PRINCIPAL, OneToken
from tests.unit.realtime.harness import LIMITS
from tests.unit.realtime.memory_journal import MemoryJournal, MemoryPresence
from tests.websocket_client import TEXT, RawClient, WebSocketServer, websocket_server

pytestmark = pytest.mark.asyncio

PATH = "/api/v1/graphql"
AUTHORIZED = {"Authorization": "Bearer good"}


class FailedTokens:
    """Refuses an address from its third failed token on."""

    def __init__(self) -> None:
        self.failed: Counter[str] = Counter()
        self.requests_left = 1000

    async def message(self, address: str) -> None:
        self.requests_left -= 1
        if self.requests_left < 0:
            raise TooManyRequests("Too many requests.", retry_after=1.0)

    async def refused_tokens(self, address: str) -> TooManyRequests | None:
        return TooManyRequests("Too many tokens failed.", retry_after=1.0) if self.failed[address] > 2 else None

    async def failed_token(self, address: str) -> None:
        self.failed[address] += 1


@dataclass
class Tokens(OneToken):
    limits: FailedTokens = field(default_factory=FailedTokens)


async def nothing(message: Message[object]) -> object:
    raise AssertionError(message)


def hub_of(tokens: Tokens) -> Realtime:
    return Realtime(Channels(), MemoryJournal(), MemoryPresence(), nothing, tokens, LIMITS, {}.__setitem__, [].append)


class Client:
    """A client that speaks in JSON."""

    def __init__(self, raw: RawClient) -> None:
        self.raw = raw

    def send(self, type: str, **members: Any) -> None:
        self.raw.frame(TEXT, json.dumps({"type": type, **members}).encode())

    async def next(self) -> Any:
        return json.loads(await self.raw.text())

    def subscribe(self, id: str, query: str, **payload: Any) -> None:
        self.send("subscribe", id=id, payload={"query": query, **payload})


class Door:
    def __init__(self, server: WebSocketServer, tokens: Tokens) -> None:
        self.server, self.tokens = server, tokens

    async def connect(self, **headers: str | None) -> Client:
        """A connection without a token."""
        raw = await self.server.client()
        answer = await raw.request(PATH, **{"sec_websocket_protocol": SUBPROTOCOL, **headers})
        assert answer.status == 101, answer
        assert (answer.status, answer.headers.get("sec-websocket-protocol")) == (101, headers.get("sec_websocket_protocol", SUBPROTOCOL))
        return Client(raw)

    async def ready(self) -> Client:
        """A connection that was acknowledged."""
        client = await self.connect()
        client.send("connection_init", payload=AUTHORIZED)
        assert await client.next() == {"type": "connection_ack"}
        return client


@asynccontextmanager
async def door(settings: dict[str, Any] | None = None, **sections: Any) -> AsyncIterator[Door]:
    tokens, chosen = Tokens(), GraphQLSettings(**(settings or {}))
    hub = hub_of(tokens)
    hub.start()
    sessions = LiveSessions(hub, tokens, tokens, lambda: tokens.limits)
    endpoint = GraphQLEndpoint(lambda: engine(**(settings or {})), sessions)
    router = routes(endpoint, chosen)
    router.websocket("", OPTIONS)(GraphQLSockets(endpoint, sessions, chosen).serve)
    try:
        async with websocket_server(router, **sections) as server:
            yield Door(server, tokens)
    finally:
        await hub.stop()


async def test_a_query_has_one_result() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.subscribe("1", "query($id: ID!){node(id: $id){id}}", variables={"id": "7"})
        assert await client.next() == {"id": "1", "type": "next", "payload": {"data": {"node": {"id": "7"}}}}
        assert await client.next() == {"id": "1", "type": "complete"}


async def test_a_subscription_has_a_result_for_each_event_and_its_id_is_free_again() -> None:
    async with door() as opened:
        client = await opened.ready()
        for _ in range(2):
            client.subscribe("a", "subscription{counted(to: 2)}")
            got = [await client.next() for _ in range(3)]
            assert [one.get("payload", {}).get("data") for one in got] == [{"counted": 1}, {"counted": 2}, None]
            assert got[-1] == {"id": "a", "type": "complete"}


@pytest.mark.parametrize(
    "query", ["{", "{unknown}", "{" + "a: __typename " * 50 + "}", "subscription{fails}", "query A{me{id}} query B{me{id}}"]
)
async def test_what_is_not_executed_is_an_error_without_completion(query: str) -> None:
    async with door() as opened:
        client = await opened.ready()
        client.subscribe("1", query)
        error = await client.next()
        assert (error["id"], error["type"]) == ("1", "error")
        assert error["payload"][0]["message"]
        client.send("ping")
        assert await client.next() == {"type": "pong"}


async def test_a_completed_subscription_sends_nothing_more() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.subscribe("1", "subscription{waits}")
        assert (await client.next())["payload"] == {"data": {"waits": 1}}
        client.send("complete", id="1")
        client.send("complete", id="1")
        client.subscribe("1", "{me{id}}")
        assert (await client.next())["payload"] == {"data": {"me": {"id": "1"}}}


async def test_a_token_in_the_handshake_suffices() -> None:
    async with door() as opened:
        client = await opened.connect(authorization="Bearer good")
        client.send("connection_init")
        assert await client.next() == {"type": "connection_ack"}


async def test_the_same_id_twice_is_4409() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.subscribe("1", "subscription{waits}")
        await client.next()
        client.subscribe("1", "{me{id}}")
        assert await client.raw.closed() == (4409, "Subscriber for 1 already exists")


async def test_a_second_init_is_4429() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.send("connection_init", payload=AUTHORIZED)
        assert await client.raw.closed() == (4429, "Too many initialisation requests")


async def test_an_operation_before_the_acknowledgement_is_4401() -> None:
    async with door() as opened:
        client = await opened.connect()
        client.subscribe("1", "{me{id}}")
        assert await client.raw.closed() == (4401, "Unauthorized")


@pytest.mark.parametrize(
    "payload", [None, {}, {"Authorization": "Bearer bad"}, {"Authorization": "good"}, {"Authorization": 1}, {"authorization": "Basic good"}]
)
async def test_an_init_without_a_valid_token_is_4403(payload: dict[str, Any] | None) -> None:
    async with door() as opened:
        client = await opened.connect()
        client.send("connection_init", payload=payload)
        assert (await client.raw.closed())[0] == 4403


async def test_an_address_whose_tokens_failed_is_refused() -> None:
    async with door() as opened:
        codes = []
        for token in ("bad", "bad", "bad", "good"):
            client = await opened.connect()
            client.send("connection_init", payload={"Authorization": f"Bearer {token}"})
            codes.append((await client.raw.closed())[0])
        assert codes == [4403, 4403, 4403, 1013]


async def test_a_connection_ends_with_its_token() -> None:
    async with door() as opened:
        client = await opened.ready()
        opened.tokens.expires_at = 1
        client.send("ping", payload=AUTHORIZED)
        assert await client.next() == {"type": "pong"}
        assert await asyncio.wait_for(client.raw.closed(), 5) == (4403, "Forbidden: the token has expired")


async def test_no_init_in_time_is_4408() -> None:
    async with door(websocket={"authentication_timeout_seconds": 0.1}) as opened:
        client = await opened.connect()
        assert await client.raw.closed() == (4408, "Connection initialisation timeout")


async def test_a_client_without_the_subprotocol_is_4406_and_with_another_is_refused() -> None:
    async with door() as opened:
        client = await opened.connect(sec_websocket_protocol=None)
        assert (await client.raw.closed())[0] == 4406
        answer = await (await opened.server.client()).request(PATH, sec_websocket_protocol="graphql-ws")
        assert answer.status == 400


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "1", "null", "{}", '{"type": 1}', '{"type": "start"}', '{"type": "connection_ack"}', '{"type": "ping", "payload": 1}',
     '{"type": "connection_init", "payload": []}', '{"type": "subscribe", "payload": {"query": "{a}"}}', '{"type": "subscribe", "id": ""}',
     '{"type": "subscribe", "id": "1"}', '{"type": "subscribe", "id": "1", "payload": {"query": 1}}', '{"type": "complete"}',
     '{"type": "complete", "id": 1}', '{"type": "subscribe", "id": "' + "x" * 101 + '", "payload": {"query": "{a}"}}',
     '{"type": "ping", "payload": {"a": ' + "[" * 50 + "]" * 50 + "}}", '{"type": "ping", "type": "pong"}'],
)  # fmt: skip
async def test_an_invalid_message_is_4400(text: str) -> None:
    async with door() as opened:
        client = await (opened.connect() if "connection_init" in text else opened.ready())
        client.raw.frame(TEXT, text.encode())
        assert (await client.raw.closed())[0] == 4400


async def test_a_page_of_another_origin_is_refused() -> None:
    async with door() as opened:
        answer = await (await opened.server.client()).request(PATH, sec_websocket_protocol=SUBPROTOCOL, origin="https://evil.test")
        assert answer.status == 403


async def test_the_operations_of_a_connection_are_bounded() -> None:
    async with door({"subscriptions": 2}) as opened:
        client = await opened.ready()
        for id in "ab":
            client.subscribe(id, "subscription{waits}")
            assert (await client.next())["type"] == "next"
        client.subscribe("c", "subscription{waits}")
        assert (await client.next())["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
        client.send("complete", id="a")
        client.subscribe("c", "subscription{waits}")
        assert (await client.next())["id"] == "c"


async def test_an_operation_is_charged_as_a_request() -> None:
    async with door() as opened:
        client = await opened.ready()
        opened.tokens.limits.requests_left = 1
        client.subscribe("a", "{__typename}")
        assert [(await client.next())["type"] for _ in range(2)] == ["next", "complete"]
        client.subscribe("b", "{__typename}")
        answer = await client.next()
        assert (answer["id"], answer["type"], answer["payload"][0]["extensions"]["code"]) == ("b", "error", "QUOTA_EXCEEDED")


async def test_a_session_that_ends_closes_with_4403() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.subscribe("1", "subscription{waits}")
        await client.next()
        opened.tokens.failure = Unauthenticated("The session has ended.")
        assert await asyncio.wait_for(client.raw.closed(), 5) == (4403, "Forbidden: the session, the user or the membership has ended")


async def test_a_ping_with_a_token_renews_and_with_a_bad_one_closes() -> None:
    async with door() as opened:
        client = await opened.ready()
        client.send("ping", payload=AUTHORIZED)
        assert await client.next() == {"type": "pong"}
        client.send("ping", payload={"Authorization": "Bearer bad"})
        assert (await client.raw.closed())[0] == 4403


async def test_the_token_of_another_user_does_not_renew() -> None:
    tokens = Tokens()
    sessions = LiveSessions(hub_of(tokens), tokens, tokens, lambda: tokens.limits)
    another = replace(PRINCIPAL, session_id=SessionId(uuid4()))
    session = sessions.open(NO_REQUEST.acting(another, "good"), lambda reason: None)
    with pytest.raises(Unauthenticated, match="another user, session or tenant"):
        await sessions.renew(session, "good")
    session.close()
