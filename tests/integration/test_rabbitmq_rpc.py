"""Requests and replies over a real broker: typed errors, deadlines, bounds, what a lost server or connection does."""

import asyncio
from dataclasses import dataclass, field

import aio_pika
import pytest

from api_base.application.common.remote import RemoteCall
from api_base.core.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion, TooManyRequests, Unavailable, Violation
from api_base.infrastructure.remote.rpc_messages import MAX_MESSAGE_BYTES, queue_of
from api_base.infrastructure.resilience.errors import BulkheadFull, TimedOut
from tests.rabbitmq import by_way_of, call, client, connected, new_name, policy, served, serving, until
from tests.services import Toxiproxy


class SkuTaken(Conflict):
    """As a context would declare it."""


async def echo(call: RemoteCall) -> bytes:
    return call.body


@dataclass
class Gate:
    """Answers when it is opened; tells how many wait for that."""

    opened: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[RemoteCall] = field(default_factory=list)
    now: int = 0
    most: int = 0

    async def answer(self, call: RemoteCall) -> bytes:
        self.calls.append(call)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.opened.wait()
        finally:
            self.now -= 1
        return call.body


async def test_every_caller_has_its_own_answer(amqp_url: str) -> None:
    async def slow_first(call: RemoteCall) -> bytes:
        await asyncio.sleep(0.02 if call.body == b"0" else 0)
        return b"to " + call.body

    async with served(amqp_url, slow_first) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        answers = await asyncio.gather(*(asking.call(call(body=b"%d" % n), repeatable=False) for n in range(50)))
    assert answers == [b"to %d" % n for n in range(50)]


async def test_what_goes_with_a_request_arrives(amqp_url: str) -> None:
    told: list[RemoteCall] = []

    async def note(call: RemoteCall) -> bytes:
        told.append(call)
        return b"null"

    sent = RemoteCall(
        name="items.get",
        body=b"{}",
        seconds=5.0,
        access_token="a.b.c",
        key="once",
        request_id="request-1",
        traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
    )
    async with served(amqp_url, note) as (service, _), connected(amqp_url) as connection:
        await client(connection, service, policy()).call(sent, repeatable=True)
    (got,) = told
    assert 0 < got.seconds <= sent.seconds
    assert (got.name, got.body, got.access_token, got.key) == (sent.name, sent.body, sent.access_token, sent.key)
    assert (got.request_id, got.traceparent, got.redelivered) == (sent.request_id, sent.traceparent, False)


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (NotFound("item", 7), NotFound),
        (SkuTaken("taken"), Conflict),
        (StaleVersion("item", 3), StaleVersion),
        (Forbidden("no"), Forbidden),
        (TooManyRequests("slow", retry_after=2.5), TooManyRequests),
        (Invalid([Violation("/sku", "length", "is too long")]), Invalid),
    ],
)
async def test_an_error_arrives_as_what_it_is(amqp_url: str, raised: Exception, arrives: type[Exception]) -> None:
    async def refuse(call: RemoteCall) -> bytes:
        raise raised

    async with served(amqp_url, refuse) as (service, _), connected(amqp_url) as connection:
        with pytest.raises(arrives) as caught:
            await client(connection, service, policy()).call(call(), repeatable=True)
    assert type(caught.value) is arrives
    assert str(caught.value) == str(raised)
    assert {name: value for name, value in vars(raised).items() if name in vars(caught.value)} == vars(caught.value)


async def test_an_accident_tells_nothing_of_the_inside(amqp_url: str) -> None:
    async def break_down(call: RemoteCall) -> bytes:
        raise RuntimeError("secret of the inside")

    async with served(amqp_url, break_down) as (service, _), connected(amqp_url) as connection:
        with pytest.raises(Unavailable) as caught:
            await client(connection, service, policy()).call(call(), repeatable=False)
    assert "secret" not in str(caught.value)


async def test_a_service_that_nobody_serves_is_told_at_once(amqp_url: str) -> None:
    async with connected(amqp_url) as connection:
        with pytest.raises(Unavailable, match="No worker of the service"):
            await client(connection, new_name(), policy()).call(call(seconds=60), repeatable=False)


async def test_only_what_may_be_repeated_is(amqp_url: str) -> None:
    attempts = 0

    async def fail_twice(call: RemoteCall) -> bytes:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Unavailable("not yet", retry_after=0.01)
        return b"done"

    async with served(amqp_url, fail_twice) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        with pytest.raises(Unavailable, match="not yet"):
            await asking.call(call(), repeatable=False)
        assert attempts == 1
        assert await asking.call(call(), repeatable=True) == b"done"
    assert attempts == 3


async def test_who_answers_too_late_is_not_waited_for(amqp_url: str) -> None:
    gate = Gate()
    async with served(amqp_url, gate.answer) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy(timeout=0.2))
        with pytest.raises(TimedOut):
            await asking.call(call(seconds=0.2), repeatable=False)
        gate.opened.set()
        assert await asking.call(call(body=b"next"), repeatable=False) == b"next"  # and not the answer that came too late


async def test_expired_work_is_not_done(amqp_url: str) -> None:
    """Neither what expired in the queue, nor what expired in the hands of a server."""
    gate = Gate()
    async with served(amqp_url, gate.answer, concurrency=1) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        first = asyncio.create_task(asking.call(call(body=b"first"), repeatable=False))
        await until(lambda: gate.now == 1, "the first request under way")
        hasty = client(connection, service, policy(timeout=0.1))
        with pytest.raises(TimedOut):
            await hasty.call(call(body=b"late", seconds=0.1), repeatable=False)
        late_already = RemoteCall(name="echo", body=b"later still", seconds=0.001)
        with pytest.raises(TimedOut):
            await hasty.call(late_already, repeatable=False)
        gate.opened.set()
        await first
        assert await asking.call(call(body=b"last"), repeatable=False) == b"last"
    assert [one.body for one in gate.calls] == [b"first", b"last"]


async def test_a_server_does_so_much_at_once_and_no_more(amqp_url: str) -> None:
    gate = Gate()
    async with served(amqp_url, gate.answer, concurrency=3) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        calls = [asyncio.create_task(asking.call(call(), repeatable=False)) for _ in range(10)]
        await until(lambda: gate.now == 3, "as many under way as there may be")
        gate.opened.set()
        await asyncio.gather(*calls)
    assert (len(gate.calls), gate.most) == (10, 3)


async def test_a_client_asks_so_much_at_once_and_no_more(amqp_url: str) -> None:
    gate = Gate()
    async with served(amqp_url, gate.answer) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy(concurrent=2))
        calls = [asyncio.create_task(asking.call(call(), repeatable=False)) for _ in range(2)]
        await until(lambda: gate.now == 2, "two under way")
        with pytest.raises(BulkheadFull):
            await asking.call(call(), repeatable=False)
        gate.opened.set()
        await asyncio.gather(*calls)


async def test_what_is_too_large_is_refused_on_either_side(amqp_url: str) -> None:
    async def swell(call: RemoteCall) -> bytes:
        return b"x" * (MAX_MESSAGE_BYTES + 1)

    async with served(amqp_url, swell) as (service, _), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        with pytest.raises(Invalid, match="too large"):
            await asking.call(call(body=b"x" * (MAX_MESSAGE_BYTES + 1)), repeatable=False)
        with pytest.raises(Unavailable):
            await asking.call(call(), repeatable=False)


async def test_what_was_begun_is_answered_before_a_server_ends(amqp_url: str) -> None:
    gate = Gate()
    async with served(amqp_url, gate.answer, concurrency=2) as (service, first), connected(amqp_url) as connection:
        asking = client(connection, service, policy())
        calls = [asyncio.create_task(asking.call(call(body=b"%d" % n), repeatable=False)) for n in range(5)]
        await until(lambda: gate.now == 2, "two under way")
        ending = asyncio.create_task(first.close())
        async with connected(amqp_url) as another:
            second = await serving(another, service, echo)
            await asyncio.gather(*calls[2:])  # those that waited go to who is there now
            assert not ending.done()
            gate.opened.set()
            assert await asyncio.gather(*calls) == [b"%d" % n for n in range(5)]
            await ending
            await second.close()
    assert len(gate.calls) == 2


async def test_a_server_that_dies_leaves_its_requests_to_the_next_who_is_told_so(amqp_url: str) -> None:
    gate, told = Gate(), []

    async def note(call: RemoteCall) -> bytes:
        told.append(call)
        return call.body

    async with served(amqp_url, note) as (service, living), connected(amqp_url) as connection:
        await living.close()
        async with connected(amqp_url) as doomed:
            await serving(doomed, service, gate.answer)
            asked = asyncio.create_task(client(connection, service, policy()).call(call(), repeatable=False))
            await until(lambda: gate.now == 1, "the request under way")
        async with connected(amqp_url) as another:
            second = await serving(another, service, note)
            assert await asked == b'"hello"'
            await second.close()
    assert [one.redelivered for one in gate.calls + told] == [False, True]


async def test_a_cut_connection_is_told_and_mended_on_both_sides(amqp_url: str, toxiproxy: Toxiproxy) -> None:
    gate = Gate()
    host_and_port = amqp_url.rpartition("@")[2].strip("/")
    with toxiproxy.to(host_and_port) as way:
        url = by_way_of(amqp_url, way.host, way.port)
        async with served(url, gate.answer) as (service, server), connected(url) as connection:
            asking = client(connection, service, policy())
            lost = asyncio.create_task(asking.call(call(), repeatable=False))
            await until(lambda: gate.now == 1, "the request under way")
            way.cut()
            with pytest.raises(Unavailable):
                await lost
            with pytest.raises(Unavailable):
                await server.run()
            gate.opened.set()
            way.mend()
            await server.run()
            assert await asking.call(call(body=b"again"), repeatable=False) == b"again"


async def test_a_queue_that_somebody_deleted_is_made_again(amqp_url: str) -> None:
    async with served(amqp_url, echo) as (service, server), connected(amqp_url) as connection:
        channel = await connection.channel()
        await channel.queue_delete(queue_of(service))
        asking = client(connection, service, policy())

        async def served_again() -> bytes:
            await server.run()
            return await asking.call(call(body=b"back"), repeatable=False)

        async with asyncio.timeout(30):
            while True:
                try:
                    assert await served_again() == b"back"
                    break
                except Unavailable:
                    await asyncio.sleep(0.01)


async def test_what_is_no_request_of_ours_is_dropped_and_stops_nobody(amqp_url: str) -> None:
    async with served(amqp_url, echo, concurrency=1) as (service, _), connected(amqp_url) as connection:
        channel = await connection.channel()
        for strange in (
            aio_pika.Message(b"?"),
            aio_pika.Message(b"?", type="x", correlation_id="1", reply_to="y", headers={"deadline": "soon"}),
        ):
            await channel.default_exchange.publish(strange, queue_of(service))
        assert await client(connection, service, policy()).call(call(), repeatable=False) == b'"hello"'
