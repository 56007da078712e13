"""WebSockets before and behind the handshake: what is refused, what is bounded, and how the server ends them."""

import asyncio
import json
import socket as sockets
from collections.abc import Callable
from typing import Any

import pytest

from api_base.interface.routes import Router
from api_base.interface.websocket.socket import Socket, TextMessage
from tests.garbage import garbage
from tests.http_harness import PRINCIPAL
from tests.websocket_client import ACCEPT, CLOSE, CONT, ECHO, KEY, PATIENCE, PING, PONG, TEXT, RawClient, WebSocketServer, websocket_server

NAMED = "/api/v1/named"
UNLIMITED = {"requests": 1_000_000, "burst": 1_000_000}


async def eventually(look: Callable[[], object]) -> None:
    """Wait until `look` is true."""
    async with asyncio.timeout(PATIENCE):
        while not look():
            await asyncio.sleep(0.01)


async def test_the_handshake_is_answered_as_any_request() -> None:
    async with websocket_server() as server:
        client = await server.client()
        answer = await client.request(x_request_id="mine", authorization="Bearer good")
        assert answer.status == 101
        assert answer.headers["sec-websocket-accept"] == ACCEPT
        assert answer.headers["upgrade"] == "websocket"
        assert answer.headers["x-request-id"] == "mine"
        assert "ratelimit" in answer.headers
        assert not {"content-length", "transfer-encoding"} & answer.headers.keys()
        await eventually(lambda: server.harness.recorder.requests)
        context, method, route, status = server.harness.recorder.last
        assert (method, route, status, context.request_id) == ("GET", ECHO, 101, "mine")
        assert context.principal == PRINCIPAL


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_version": None}, 426),
        ({"upgrade": None}, 426),
        ({"connection": "keep-alive"}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": "c2hvcnQ="}, 400),
        ({"sec_websocket_key": "not base64 at all!!!!!!="}, 400),
        ({"sec_websocket_extensions": "permessage-deflate; ;"}, 400),
        ({"method": "POST"}, 405),
        ({"version": "1.0"}, 426),
        ({"path": f"{ECHO}?access_token=good"}, 400),
        ({"path": "/api/v1/unknown"}, 404),
        ({"authorization": "Bearer bad"}, 401),
        ({"origin": "https://evil.test"}, 403),
        ({"origin": "null"}, 403),
        ({"path": NAMED}, 400),
        ({"path": NAMED, "sec_websocket_protocol": "c.v3"}, 400),
    ],
    ids=str,
)
async def test_a_refused_handshake_gets_a_problem(changed: dict[str, Any], status: int) -> None:
    async with websocket_server() as server:
        client = await server.client()
        answer = await client.request(**changed)
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        problem = json.loads(answer.body)
        assert problem["status"] == status
        assert problem["detail"]
        assert "x-content-type-options" in answer.headers
        if status == 426:
            assert (answer.headers["upgrade"], answer.headers["sec-websocket-version"]) == ("websocket", "13")


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"upgrade": "websocket\r\nUpgrade: websocket"}, "Upgrade"),
        ({"sec_websocket_key": None}, "Sec-WebSocket-Key"),
        ({"sec_websocket_key": "c2hvcnQ="}, "Sec-WebSocket-Key"),
        ({"sec_websocket_key": f"{KEY}\r\nSec-WebSocket-Key: {KEY}"}, "Sec-WebSocket-Key"),
        ({"sec_websocket_extensions": "permessage-deflate; ;"}, "Sec-WebSocket-Extensions"),
        ({"sec_websocket_protocol": "a b"}, "Sec-WebSocket-Protocol"),
        ({"connection": "Upgrade, ;"}, "Connection"),
    ],
    ids=str,
)
async def test_a_malformed_handshake_is_refused_in_our_words(changed: dict[str, Any], name: str) -> None:
    async with websocket_server() as server:
        answer = await (await server.client()).request(**changed)
        assert answer.status == 400
        assert json.loads(answer.body)["detail"] == f"The header {name} of the WebSocket handshake is missing, repeated or malformed."


async def test_refused_logins_are_audited_and_charged() -> None:
    async with websocket_server() as server:
        client = await server.client()
        assert (await client.request(authorization="Bearer bad")).status == 401
        await eventually(lambda: server.harness.refusals.kept)
        assert server.harness.refusals.kept == [("GET", "", 401)]
        assert any(policy == "failed-tokens" for _, policy in server.harness.limiter.hits)


@pytest.mark.parametrize(
    ("origin", "host"),
    [("http://a.test", "a.test"), ("https://a.test", "a.test"), ("http://a.test:8000", "a.test:8000"), ("https://app.test", "a.test")],
)
async def test_pages_of_the_same_host_and_of_the_allowed_origins_may_connect(origin: str, host: str) -> None:
    async with websocket_server(server={"cors_origins": ["https://app.test"]}) as server:
        await server.connect(origin=origin, host=host)


async def test_the_first_subprotocol_of_the_route_is_agreed() -> None:
    async with websocket_server() as server:
        client = await server.client()
        answer = await client.request(NAMED, sec_websocket_protocol="a.v1, b.v2", authorization="Bearer good")
        assert answer.headers["sec-websocket-protocol"] == "b.v2"


async def test_frames_before_the_answer_are_refused() -> None:
    async with websocket_server() as server:
        client = await server.client()
        lines = f"host: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: {'A' * 22}==\r\n"
        client.writer.write(f"GET {ECHO} HTTP/1.1\r\n{lines}\r\n".encode() + b"\x81\x80mask")
        assert (await client.answer()).status == 400
        assert not server.state.sockets


async def test_an_upgrade_of_a_path_without_websocket_is_served_in_http() -> None:
    async with websocket_server() as server:
        client = await server.client()
        assert (await client.request("/api/v1/unknown", upgrade="h2c")).status == 404


async def test_a_client_that_does_not_authenticate_in_time_is_closed() -> None:
    async with websocket_server(websocket={"authentication_timeout_seconds": 0.2}) as server:
        client = await server.client()
        assert (await client.request()).status == 101
        assert await client.closed() == (3008, "authenticate within the time limit")


async def test_the_first_message_is_small_and_the_next_ones_are_not() -> None:
    async with websocket_server(websocket={"max_first_message_bytes": 300, "max_message_bytes": 5000}) as server:
        client = await server.client()
        await client.request()
        client.frame(TEXT, b"x" * 301)
        assert (await client.closed())[0] == 1009
        client = await server.client()
        await client.request()
        client.frame(TEXT, b"good")
        client.frame(TEXT, b"in")
        assert await client.text() == "in"
        client.frame(TEXT, b"x" * 5000)
        assert len(await client.text()) == 5000


async def test_unauthenticated_clients_are_bounded_by_address_and_in_total() -> None:
    limits = {"max_unauthenticated_per_address": 3, "max_unauthenticated": 4}
    async with websocket_server(websocket=limits, server={"trusted_proxies": ["127.0.0.1"]}) as server:
        first = [await server.client() for _ in range(3)]
        for client in first:
            assert (await client.request(x_forwarded_for="198.51.100.1")).status == 101
        refused = await (await server.client()).request(x_forwarded_for="198.51.100.1")
        assert refused.status == 429
        assert int(refused.headers["retry-after"]) >= 1
        other = await server.client()
        assert (await other.request(x_forwarded_for="198.51.100.2")).status == 101
        assert (await (await server.client()).request(x_forwarded_for="198.51.100.3")).status == 503
        await server.connect(x_forwarded_for="198.51.100.1")  # one that is authenticated is not among them
        first[0].frame(TEXT, b"good")
        first[0].frame(TEXT, b"hello")
        assert await first[0].text() == "hello"
        first[1].frame(CLOSE, b"\x03\xe8")
        await first[1].read()
        await first[1].ended()
        await eventually(lambda: len(server.state.sockets) == 4)
        assert (await (await server.client()).request(x_forwarded_for="198.51.100.1")).status == 101


async def test_connections_are_bounded_in_total_and_by_user() -> None:
    async with websocket_server(websocket={"max_connections": 3, "max_connections_per_user": 2}) as server:
        one, _ = await server.connect(), await server.connect()
        third = await server.connect()
        assert (await third.closed())[0] == 1008
        await eventually(lambda: len(server.state.sockets) == 2)
        anonymous = await server.client()
        assert (await anonymous.request()).status == 101
        assert (await (await server.client()).request()).status == 503
        one.writer.transport.abort()
        await eventually(lambda: len(server.state.sockets) == 2)
        anonymous.frame(TEXT, b"good")
        anonymous.frame(TEXT, b"in")
        assert await anonymous.text() == "in"
        assert server.harness.gauges["websocket_connections"] == 2


async def test_a_thousand_half_open_handshakes_leave_nothing_behind() -> None:
    async with websocket_server(
        rate_limit=UNLIMITED, server={"concurrency": 1000}, websocket={"max_unauthenticated_per_address": 20}
    ) as server:
        clients = [await server.client() for _ in range(1000)]
        answers = await asyncio.gather(*(client.request() for client in clients))
        assert sorted({answer.status for answer in answers}) == [101, 429]
        assert sum(answer.status == 101 for answer in answers) == 20
        assert len(server.state.sockets) == 20
        server.close_clients()
        await eventually(lambda: not server.state.sockets)
        assert server.harness.gauges["websocket_connections"] == 0
        assert (await (await server.client()).request()).status == 101


async def test_a_handshake_leaves_no_garbage() -> None:
    async with websocket_server(rate_limit=UNLIMITED) as server:
        clients = [await server.client() for _ in range(11)]
        await clients.pop().request(authorization="Bearer good")  # what the first one imports and caches
        with garbage() as left:
            answers = [await client.request(authorization="Bearer good") for client in clients]
            await eventually(lambda: len(server.state.sockets) == 11 and not server.state.tasks)
        assert [answer.status for answer in answers] == [101] * 10
        assert not {"Connection", "HttpRequestParser", "RequestResponseCycle", "HttpExchange", "dict"} & left.keys(), (
            "websockets leaves what it negotiates with"
        )


async def test_too_many_frames_are_a_violation_also_of_pings() -> None:
    async with websocket_server(websocket={"frames_per_second": 1, "frame_burst": 5}) as server:
        client = await server.connect()
        client.writer.write(b"\x89\x80mask" * 10)  # in one piece: the library answers all pings of a piece
        assert [(await client.read()).opcode for _ in range(10)] == [PONG] * 10
        assert await client.closed() == (1008, "more than 1 frames per second")


async def test_a_message_of_endless_fragments_is_a_violation() -> None:
    async with websocket_server(websocket={"frames_per_second": 100_000, "frame_burst": 100_000}) as server:
        client = await server.connect()
        client.frame(TEXT, fin=False)
        for _ in range(1024):
            client.frame(CONT, fin=False)
        assert (await client.closed())[0] == 1008


async def test_a_silent_client_gets_pings_and_is_closed_if_it_does_not_answer() -> None:
    async with websocket_server(websocket={"ping_interval_seconds": 0.2}) as server:
        client = await server.connect()
        for _ in range(3):
            assert (await client.read()).opcode == PING
            client.frame(PONG)
        assert (await client.read()).opcode == PING
        assert await client.closed() == (1011, "no answer to a ping")


async def test_an_idle_client_is_closed_although_it_answers_pings() -> None:
    async with websocket_server(websocket={"ping_interval_seconds": 0.1, "idle_timeout_seconds": 0.5}) as server:
        client = await server.connect()
        found = await client.read()
        while found.opcode == PING:
            client.frame(PONG)
            found = await client.read()
        assert (found.opcode, found.payload) == (CLOSE, b"\x03\xe8idle")


async def test_a_client_that_does_not_answer_a_close_frame_is_cut_off() -> None:
    async with websocket_server() as server:
        client = await server.connect()
        client.frame(TEXT, b"return")
        assert (await client.read()).opcode == CLOSE
        await eventually(lambda: not server.state.sockets)


class Feeder:
    """A route whose clients receive what the test sends, with a receive buffer that is soon full."""

    def __init__(self, *, newest: bool = False) -> None:
        self.clients: list[Socket] = []
        self.dropped: list[int] = []
        self.router, self._newest = Router(), newest
        self.router.websocket("/feed")(self._serve)

    async def _serve(self, client: Socket) -> None:
        self.clients.append(client)
        if self._newest:
            client.on_dropped = self._on_dropped
        while True:
            await client.receive()

    def _on_dropped(self, count: int) -> None:
        self.dropped.append(count)

    def feed(self, text: str) -> None:
        message = TextMessage(text.encode())
        for client in self.clients:
            client.send(message, droppable=self._newest)


async def stalled(server: WebSocketServer) -> RawClient:
    """A client that does not read, with a small buffer."""
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", server.port))
    client = RawClient(*await asyncio.open_connection(sock=raw, limit=1024))
    answer = await client.request("/api/v1/feed", authorization="Bearer good")
    assert answer.status == 101
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return client


async def test_a_client_that_reads_too_slowly_is_closed_and_delays_no_other() -> None:
    feeder = Feeder()
    async with websocket_server(feeder.router, websocket={"max_queue_bytes": 50_000}) as server:
        slow, quick = await stalled(server), await server.connect("/api/v1/feed")
        await eventually(lambda: len(feeder.clients) == 2)
        for number in range(600):
            feeder.feed(f"{number:05}" + "x" * 20_000)
            assert (await quick.text()).startswith(f"{number:05}")
            if len(server.state.sockets) == 1:
                break
        await eventually(lambda: len(server.state.sockets) == 1)
        assert server.harness.gauges["websocket_slow_clients_total"] == 1
        assert server.harness.gauges["websocket_queued_messages"] == 0
        slow.writer.transport.abort()


async def test_a_client_that_wants_the_newest_gets_it_and_the_number_of_those_that_were_dropped() -> None:
    feeder = Feeder(newest=True)
    async with websocket_server(feeder.router, websocket={"max_queue_bytes": 50_000, "max_queue_messages": 8}) as server:
        slow = await stalled(server)
        await eventually(lambda: feeder.clients)
        sent = 0
        while server.harness.gauges.get("websocket_dropped_messages_total", 0) < 20:
            feeder.feed(f"{sent:05}" + "x" * 20_000)
            sent += 1
            await asyncio.sleep(0)
        assert server.harness.gauges["websocket_queued_messages"] <= 8
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        numbers = [int((await slow.text())[:5])]
        while numbers[-1] < sent - 1:
            numbers.append(int((await slow.text())[:5]))
        assert numbers == sorted(set(numbers))
        await eventually(lambda: feeder.dropped)
        assert sum(feeder.dropped) == sent - len(numbers) == server.harness.gauges["websocket_dropped_messages_total"]
        assert server.state.sockets


@pytest.mark.slow
async def test_a_client_that_stops_reading_is_closed_in_time_with_nothing_in_its_queue() -> None:
    feeder = Feeder()
    async with websocket_server(feeder.router, server={"write_timeout_seconds": 0.3}) as server:
        slow = await stalled(server)
        await eventually(lambda: feeder.clients)
        while server.harness.gauges.get("websocket_queued_messages", 0) < 1:
            feeder.feed("x" * 20_000)
            await asyncio.sleep(0)
        await eventually(lambda: not server.state.sockets)
        assert server.harness.gauges["websocket_slow_clients_total"] == 1
        slow.writer.transport.abort()


async def test_a_client_that_leaves_without_reading_delays_no_other_and_stops_no_deadline() -> None:
    """What waits for it keeps its connection open after its FIN; events for it and its deadline must not raise."""
    feeder = Feeder()
    async with websocket_server(feeder.router, websocket={"max_queue_bytes": 50_000, "authentication_timeout_seconds": 0.5}) as server:
        gone = await stalled(server)
        await eventually(lambda: feeder.clients)
        (connection,) = server.state.sockets
        while not connection._transport.get_write_buffer_size():
            feeder.feed("x" * 20_000)
        gone.writer.write_eof()
        await eventually(lambda: not connection.open)
        quick = await server.connect("/api/v1/feed")
        await eventually(lambda: len(feeder.clients) == 2)
        for number in range(20):
            feeder.feed(f"{number:05}" + "x" * 20_000)
            assert (await quick.text()).startswith(f"{number:05}")
        await eventually(lambda: len(server.state.sockets) == 1)
        gone.writer.transport.abort()


@pytest.mark.slow
async def test_a_stop_closes_all_with_1012_one_after_the_other() -> None:
    async with websocket_server(server={"keep_alive_timeout_seconds": 1}) as server:
        clients = [await server.connect() for _ in range(40)]
        server.server.should_exit = True
        loop = asyncio.get_running_loop()

        async def ended(client: RawClient) -> tuple[int, float]:
            code, _ = await client.closed()
            return code, loop.time()

        found = await asyncio.gather(*(ended(client) for client in clients))
        assert {code for code, _ in found} == {1012}
        assert len({round(at, 1) for _, at in found}) >= 5
