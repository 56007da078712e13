"""Admission control: who starts, who waits, who is refused, on connections and for itself."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from api_base.serving.admission import MAX_WAIT_SECONDS, MIN_WAIT_SECONDS, STRESS_SECONDS, SWEEPS, Admission
from tests.connections import REFUSED, Client, ServerOnWires, answer_body, answer_ok, settled
from tests.http_harness import SECURITY
from tests.virtual_time import in_virtual_time


@dataclass
class Asking:
    name: int
    outcome: list[str]
    queued_at: float = 0.0
    gone: bool = False

    def start(self) -> None:
        self.outcome.append(f"start {self.name}")

    def refuse(self) -> None:
        self.outcome.append(f"refuse {self.name}")


@dataclass
class Door:
    """Admission with a clock of the test's."""

    concurrency: int
    now: float = 100.0
    outcome: list[str] = field(default_factory=list)
    asked: list[Asking] = field(default_factory=list)
    asked_at: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.admission = Admission(self.concurrency, lambda: self.now)

    def ask(self, *names: int) -> None:
        for name in names:
            self.asked.append(Asking(name, self.outcome))
            self.asked_at[name] = self.now
            self.admission.offer(self.asked[-1])

    def seen(self) -> list[str]:
        seen = self.outcome[:]
        self.outcome.clear()
        return seen


def test_requests_wait_in_order_while_the_queue_empties_now_and_then() -> None:
    door = Door(2)
    door.ask(1, 2, 3, 4)
    assert door.seen() == ["start 1", "start 2"]
    door.admission.release()
    door.admission.release()
    assert door.seen() == ["start 3", "start 4"]


def test_under_stress_the_newest_is_first() -> None:
    door = Door(2)
    door.ask(1, 2, 3, 4)
    assert (door.seen(), door.admission.stressed) == (["start 1", "start 2"], False)
    door.now += STRESS_SECONDS * 1.1
    door.ask(5)
    assert door.admission.stressed
    for _ in range(3):
        door.admission.release()
    assert (door.seen(), door.admission.stressed) == (["start 5", "start 4", "start 3"], False)
    door.ask(6, 7, 8)
    door.admission.release()  # the queue was empty in between: no stress
    door.admission.release()
    assert door.seen() == ["start 6", "start 7"]


def test_nobody_waits_for_long() -> None:
    door = Door(3)
    door.ask(1, 2, 3, 4)
    door.now += MAX_WAIT_SECONDS - MIN_WAIT_SECONDS / 2
    door.ask(5)
    door.now += MIN_WAIT_SECONDS / 2
    door.admission.expire()
    assert door.seen() == ["start 1", "start 2", "start 3", "refuse 4"]
    door.admission.release()
    assert door.seen() == ["start 5"]


def test_what_waits_is_refused_in_parts_so_that_those_who_ask_again_spread_out() -> None:
    door = Door(1)
    door.ask(0, *range(1, 2 * SWEEPS + 1))
    door.seen()
    door.now += MIN_WAIT_SECONDS * 0.9
    door.admission.expire()
    assert door.seen() == []
    door.now += MIN_WAIT_SECONDS * 0.2
    door.admission.expire()
    assert door.seen() == ["refuse 1", "refuse 2", "refuse 3"]
    door.admission.expire()
    assert door.seen() == ["refuse 4", "refuse 5"]
    door.now += MAX_WAIT_SECONDS
    door.admission.expire()
    assert door.seen() == [f"refuse {number}" for number in range(6, 2 * SWEEPS + 1)]


@given(st.lists(st.sampled_from(["ask", "release", "pass", "leave"]), max_size=200), st.integers(1, 5))
def test_each_request_has_one_outcome_and_the_bounds_hold(steps: list[str], concurrency: int) -> None:
    door = Door(concurrency)
    released = 0

    def running() -> int:
        return sum(one.startswith("start") for one in door.outcome) - released

    for number, step in enumerate(steps):
        match step:
            case "ask":
                door.ask(number)
            case "release" if running():
                released += 1
                door.admission.release()
            case "leave" if door.asked:
                door.asked[-1].gone = True
            case _:
                door.now += 0.07
                door.admission.expire()
                waiting = {one.name for one in door.asked if not one.gone} - {int(one.split()[1]) for one in door.outcome}
                assert all(door.asked_at[name] > door.now - MAX_WAIT_SECONDS for name in waiting)
        assert running() <= concurrency
    while running():
        released += 1
        door.admission.release()
    named = [int(one.split()[1]) for one in door.outcome]
    assert len(set(named)) == len(named)
    assert {one.name for one in door.asked if not one.gone} <= set(named)


def held(gate: asyncio.Event) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """An application that answers /slow once `gate` is set, and everything else immediately; it reads the body first."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            await gate.wait()
        await (answer_body if scope["method"] == "POST" else answer_ok)(scope, receive, send)

    return app


async def asking(server: ServerOnWires, count: int, path: str = "/slow") -> list[Client]:
    clients = [server.client("127.0.0.1") for _ in range(count)]
    for client in clients:
        await client.get(path)
    return clients


@in_virtual_time
async def test_what_cannot_be_served_is_refused_before_the_application_and_the_connection_stays() -> None:
    gate = asyncio.Event()
    server = ServerOnWires(held(gate), concurrency=2, cors_origins=["https://app.test"])
    running = await asking(server, 2)
    first = server.client("127.0.0.1")
    await first.get("/x?y=1", "Origin: https://app.test\r\nX-Request-ID: mine\r\n")
    await server.wait(REFUSED)
    waiting = await asking(server, 2)
    assert server.paths == ["/slow", "/slow"]
    assert (first.statuses, first.over) == ([503], False)
    head, _, body = first.text.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers | SECURITY == headers
    expected = {"retry-after": "1", "x-request-id": "mine", "access-control-allow-origin": "https://app.test", "cache-control": "no-store"}
    assert headers | expected == headers
    assert (int(headers["content-length"]), "connection" in headers) == (len(body), False)
    assert body.startswith('{"type":"https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",')
    assert body.endswith('"instance":"/x","request_id":"mine"}')
    gate.set()
    await settled()
    assert [client.statuses for client in (*running, *waiting)] == [[200]] * 4
    await first.get()
    assert first.statuses == [503, 200]


@in_virtual_time
async def test_a_refused_body_is_discarded_and_the_connection_stays_in_step() -> None:
    gate = asyncio.Event()
    server = ServerOnWires(held(gate), concurrency=1)
    await asking(server, 1)
    client = server.client("127.0.0.1")
    client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nGET")
    await server.wait(REFUSED)
    assert client.statuses == [503]
    client.send(b" / ")
    gate.set()
    await settled()
    await client.get()
    assert (client.statuses, server.paths[-1]) == ([503, 200], "/")


@in_virtual_time
async def test_a_refused_client_that_waits_for_leave_to_send_its_body_is_disconnected() -> None:
    server = ServerOnWires(held(asyncio.Event()), concurrency=1)
    await asking(server, 1)
    client = server.client("127.0.0.1")
    client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n")
    await server.wait(REFUSED)
    assert (client.statuses, client.over) == ([503], True)


@in_virtual_time
async def test_a_head_request_is_refused_without_a_body() -> None:
    server = ServerOnWires(held(asyncio.Event()), concurrency=1)
    await asking(server, 1)
    client = server.client("127.0.0.1")
    client.send(b"HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n")
    await server.wait(REFUSED)
    assert (client.statuses, client.text.partition("\r\n\r\n")[2]) == ([503], "")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
@in_virtual_time
async def test_probes_are_served_however_busy_the_process_is(path: str) -> None:
    server = ServerOnWires(held(asyncio.Event()), concurrency=1)
    await asking(server, 5)
    assert [client.statuses for client in await asking(server, 3, path)] == [[200]] * 3


@in_virtual_time
async def test_the_work_of_a_client_that_left_is_dropped() -> None:
    gate = asyncio.Event()
    server = ServerOnWires(held(gate), concurrency=2)
    await asking(server, 2)
    leaving = await asking(server, 2, "/leaving")
    for client in leaving:
        client.wire.close()
    gate.set()
    await settled()
    assert server.paths == ["/slow", "/slow"]
    assert [client.statuses for client in await asking(server, 2, "/next")] == [[200], [200]]


@in_virtual_time
async def test_clients_that_send_their_body_slowly_keep_nobody_out() -> None:
    server = ServerOnWires(held(asyncio.Event()), concurrency=2)
    slow = [server.client("127.0.0.1") for _ in range(50)]
    for client in slow:
        client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc")
        await settled()
    assert [client.statuses for client in await asking(server, 5, "/")] == [[200]] * 5
    for client in slow:
        client.send(b"def")
    await settled()
    assert [client.statuses for client in slow] == [[200]] * 50


@in_virtual_time
async def test_streams_keep_nobody_out() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/stream":
            await asyncio.Event().wait()
        await send({"type": "http.response.body"})

    server = ServerOnWires(app, concurrency=2)
    streams = await asking(server, 20, "/stream")
    assert [client.statuses for client in streams + await asking(server, 5, "/")] == [[200]] * 25


@in_virtual_time
async def test_a_request_inherits_nothing_from_the_one_that_made_room_for_it() -> None:
    seen: list[str] = []
    variable: ContextVar[str] = ContextVar("variable", default="nothing")
    gate = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(variable.get())
        variable.set(scope["path"])
        await gate.wait()
        await answer_ok(scope, receive, send)

    server = ServerOnWires(app, concurrency=1)
    await asking(server, 2)
    gate.set()
    await settled()
    assert seen == ["nothing", "nothing"]


@in_virtual_time
async def test_a_request_that_the_shutdown_cancels_is_answered() -> None:
    server = ServerOnWires(held(asyncio.Event()))
    (client,) = await asking(server, 1)
    for task in server.state.tasks:
        task.cancel()
    await settled()
    assert (client.statuses, client.over) == ([503], True)


@in_virtual_time
async def test_an_answered_request_that_the_shutdown_cancels_does_not_take_the_answer_of_the_next_one() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/held":
            await asyncio.Event().wait()
        await answer_ok(scope, receive, send)
        await asyncio.Event().wait()  # what follows the answer

    server = ServerOnWires(app)
    client = server.client()
    await client.get("/answered")
    (first,) = server.state.tasks
    await client.get("/held")
    first.cancel()
    await settled()
    (second,) = server.state.tasks
    second.cancel()
    await settled()
    assert (client.statuses, client.over) == ([200, 503], True)


@pytest.mark.parametrize(("factor", "least"), [(1, 0.95), (3, 0.9), (10, 0.9)])
@in_virtual_time
async def test_an_overloaded_process_keeps_answering_in_time(factor: int, least: float) -> None:
    """Clients give up after a second. Without admission each request waits behind those of clients that have left."""
    cores, service, seconds = asyncio.Semaphore(2), 0.02, 3
    capacity = 2 / service

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async with cores:
            await asyncio.sleep(service)
        await answer_ok(scope, receive, send)

    server = ServerOnWires(app, concurrency=10)
    useful = 0

    async def ask() -> None:
        nonlocal useful
        client = server.client("127.0.0.1")
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        for _ in range(10):
            await asyncio.sleep(0.1)
            if client.statuses:
                break
        useful += client.statuses == [200]
        client.wire.close()

    sweeping = asyncio.create_task(server.wait(seconds + 2))
    async with asyncio.TaskGroup() as group:
        for _ in range(int(capacity * factor * seconds)):
            group.create_task(ask())
            await asyncio.sleep(1 / (capacity * factor))
    await sweeping
    assert useful >= least * capacity * seconds
    assert not server.state.tasks
