"""Limits that hold before a request is whole: bytes, fields, times and numbers of connections, whatever a client does."""

import asyncio
from collections.abc import Iterator

import pytest
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from api_base.serving.connection import LINGER_SECONDS, MAX_DISCARDED
from api_base.serving.refusals import RefusalLog
from api_base.serving.request_input import MAX_PIPELINED
from tests.connections import STRANGER, Client, ServerOnWires, answer_body, answer_ok, settled
from tests.http_harness import SECURITY
from tests.virtual_time import in_virtual_time

HEAD = b"GET /a HTTP/1.1\r\nHost: a\r\n"
LIMIT = 32_768


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


BEYOND = {
    "many bytes in one field": (HEAD + b"X: " + b"y" * LIMIT + b"\r\n\r\n", 431),
    "many bytes in many fields": (HEAD + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 700 + b"\r\n", 431),
    "a field without end": (HEAD + b"X: " + b"y" * 10 * LIMIT, 431),
    "a field name without end": (HEAD + b"y" * 10 * LIMIT, 431),
    "white space without end": (HEAD + b"X:" + b" " * 10 * LIMIT, 431),
    "101 fields": (HEAD + b"X: y\r\n" * 100 + b"\r\n", 431),
    "10,000 fields": (HEAD + b"X: y\r\n" * 10_000 + b"\r\n", 431),
    "a target of 40 KB": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    "a target without end": (b"GET /" + b"a" * 10 * LIMIT, 414),
}
WITHIN = {
    "100 fields": HEAD + b"X: y\r\n" * 99 + b"\r\n",
    "one field of 32,000 bytes": HEAD + b"X: " + b"y" * 32_000 + b"\r\n\r\n",
    "a body beyond the header limit": b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"b" * 100_000,
    "a chunked body": b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1;x=y\r\nb\r\n" * 20_000
    + b"0\r\nT: t\r\n\r\n",
}
SIZES = [1000, 65_536, 262_144]
"""The bytes of a read: a slow client's, one segment, and the largest of uvloop."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BEYOND)
@in_virtual_time
async def test_a_header_section_beyond_the_limits_is_refused_and_not_kept(name: str, size: int) -> None:
    data, status = BEYOND[name]
    server = ServerOnWires()
    client = server.client()
    for piece in pieces(data, size):
        client.send(piece)
        assert sum(len(name) + len(value) for name, value in client.connection.headers or ()) <= 2 * LIMIT
    await settled()
    assert (client.statuses, client.over, server.paths) == ([status], True, [])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", WITHIN)
@in_virtual_time
async def test_a_request_within_the_limits_is_served(name: str, size: int) -> None:
    server = ServerOnWires(answer_body)
    client = server.client()
    for piece in pieces(WITHIN[name], size):
        client.send(piece)
        await settled()
    assert (client.statuses, client.over, server.paths) == ([200], False, ["/a"])


@pytest.mark.parametrize(
    ("endless", "status"),
    [
        (b"1;" + b"x" * 10 * LIMIT, 431),
        (b"0\r\nTrailer: " + b"x" * 10 * LIMIT, 431),
        (b"0\r\n" + b"T: t\r\n" * 60_000, 431),
        (b"1\r\nab\r\n", 400),
        (b"x\r\n", 400),
    ],
    ids=["extension", "trailer", "trailers", "chunk", "size"],
)
@in_virtual_time
async def test_chunk_extensions_and_trailers_are_bounded_and_chunks_valid(endless: bytes, status: int) -> None:
    server = ServerOnWires(answer_body)
    client = server.client()
    for piece in pieces(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + endless, 10_000):
        client.send(piece)
        await settled()
    assert (client.statuses, client.over) == ([status], True)


@in_virtual_time
async def test_trailers_are_no_headers() -> None:
    seen: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer_body(scope, receive, send)
        seen.extend(name for name, _ in scope["headers"])

    server = ServerOnWires(app)
    server.client().send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nAuthorization: Bearer x\r\n\r\n")
    await settled()
    assert seen == [b"host", b"transfer-encoding"]


@in_virtual_time
async def test_a_refusal_carries_what_every_answer_carries() -> None:
    server = ServerOnWires(cors_origins=["https://app.test"])
    client = server.client()
    client.send(HEAD + b"Origin: https://app.test\r\nX-Request-ID: mine\r\n" + b"X: y\r\n" * 200 + b"\r\n")
    head, _, body = client.text.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    assert headers | SECURITY == headers
    assert (headers["x-request-id"], headers["access-control-allow-origin"], headers["vary"]) == ("mine", "https://app.test", "Origin")
    assert (headers["content-type"], int(headers["content-length"])) == ("application/problem+json", len(body))
    assert headers["connection"] == "close"
    assert body.startswith('{"type":"/problems/header-too-large","title":"The header section is too large","status":431,')
    assert body.endswith('"instance":"/a","request_id":"mine"}')


@in_virtual_time
async def test_a_refused_client_has_a_moment_to_read_the_answer_and_what_it_sends_is_discarded() -> None:
    server = ServerOnWires()
    client = server.client()
    read = 0
    for piece in pieces(HEAD + b"X: " + b"y" * 60_000_000, 262_144):
        if client.wire.reading:
            client.send(piece)
            read += len(piece)
    assert MAX_DISCARDED < read <= MAX_DISCARDED + 2 * 262_144
    assert (client.statuses, client.wire.closing) == ([431], False)
    await server.wait(LINGER_SECONDS + 0.1)
    assert client.wire.closing
    assert not server.state.connections


async def nothing(client: Client) -> None:
    """Send nothing."""


async def drip_header(client: Client) -> None:
    for byte in HEAD + b"X: " + b"y" * 10_000:
        client.send(bytes([byte]))
        await asyncio.sleep(0.2)


async def drip_empty_lines(client: Client) -> None:
    for _ in range(10_000):
        client.send(b"\r\n")
        await asyncio.sleep(0.2)


async def stop_in_the_body(client: Client) -> None:
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")


async def stay_after_a_request(client: Client) -> None:
    await client.get()


async def stop_in_the_second_header(client: Client) -> None:
    await client.get()
    client.send(HEAD)


async def stop_in_a_body_that_nobody_reads(client: Client) -> None:
    client.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\nabc")
    for _ in range(10_000):
        await asyncio.sleep(0.2)
        client.send(b"x")


SLOW = {
    "nothing": (nothing, 10.0, []),
    "drip header": (drip_header, 10.0, [408]),
    "drip empty lines": (drip_empty_lines, 10.0, [408]),
    "stop in the body": (stop_in_the_body, 10.0, [408]),
    "stay after a request": (stay_after_a_request, 5.0, [200]),
    "stop in the second header": (stop_in_the_second_header, 10.0, [200, 408]),
    "drip a body that nobody reads": (stop_in_a_body_that_nobody_reads, 10.0, [200]),
}


@pytest.mark.parametrize("name", SLOW)
@in_virtual_time
async def test_what_a_client_does_not_do_in_time_closes_its_connection(name: str) -> None:
    behave, seconds, statuses = SLOW[name]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (answer_body if scope["path"] != "/unread" else answer_at_once)(scope, receive, send)

    server = ServerOnWires(app)
    client = server.client()
    behaving = asyncio.create_task(behave(client))
    await server.wait(seconds - 0.3)
    assert not client.over
    await server.wait(0.6 + LINGER_SECONDS)
    assert (client.statuses, client.wire.closing) == (statuses, True)
    assert [len(kept) for kept in (server.state.connections, server.state.waiting, server.state.tasks)] == [0, 0, 0]
    behaving.cancel()


async def answer_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@in_virtual_time
async def test_a_client_that_does_not_read_is_cut_off_and_one_that_reads_slowly_is_not() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 70_000, "more_body": True})
            await asyncio.sleep(1)
        await send({"type": "http.response.body"})

    server = ServerOnWires(app, write_timeout_seconds=30)
    stuck, slow = server.client(), server.client()
    for client in (stuck, slow):
        await client.get()
        client.connection.pause_writing()
    await server.wait(29)
    slow.connection.resume_writing()
    slow.connection.pause_writing()
    await server.wait(2)
    assert (stuck.wire.closing, slow.wire.closing) == (True, False)
    slow.connection.resume_writing()
    await server.wait(100)
    assert slow.text.endswith("\r\n0\r\n\r\n")


@in_virtual_time
async def test_an_answer_that_is_not_read_does_not_keep_an_idle_connection() -> None:
    server = ServerOnWires(write_timeout_seconds=30)
    client = server.client()
    client.wire.flushed = False
    await client.get()
    await server.wait(5.3)
    assert (client.wire.closing, len(server.state.connections)) == (True, 1)
    await server.wait(30.2)
    assert not server.state.connections


@in_virtual_time
async def test_the_time_of_the_application_is_no_time_of_the_client() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(100)
        await answer_body(scope, receive, send)

    server = ServerOnWires(app)
    client = server.client()
    client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
    await server.wait(101)
    assert client.statuses == [200]


@in_virtual_time
async def test_pipelined_requests_are_answered_in_order_and_bounded() -> None:
    server = ServerOnWires()
    client = server.client()
    client.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000)))
    await settled()
    while not client.over:
        await settled()
    assert client.statuses == [200] * (MAX_PIPELINED + 1) + [503]
    assert server.paths == [f"/{number}" for number in range(MAX_PIPELINED + 1)]


@pytest.mark.parametrize("begun", range(1, len(HEAD) + 2, 6))
@in_virtual_time
async def test_a_request_of_which_a_part_arrives_before_the_answer_to_another_is_served(begun: int) -> None:
    answering = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answering.wait()
        await answer_ok(scope, receive, send)

    server = ServerOnWires(app)
    client, request = server.client(), HEAD.replace(b"/a", b"/b") + b"\r\n"
    client.send(HEAD + b"\r\n" + request[:begun])
    await settled()
    answering.set()
    await settled()
    client.send(request[begun:])
    await settled()
    assert (client.statuses, server.paths) == ([200, 200], ["/a", "/b"])


@in_virtual_time
async def test_a_malformed_request_behind_another_is_answered_after_it() -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await answer_body(scope, receive, send)

    server = ServerOnWires(app)
    client = server.client()
    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.send(b"nonsense\r\n\r\n")
    await settled()
    assert client.statuses == []
    release.set()
    await settled()
    assert (client.statuses, client.over) == ([200, 400], True)


@pytest.mark.parametrize(
    ("address", "same", "limited"),
    [
        (STRANGER, STRANGER, True),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (STRANGER, "203.0.113.8", False),
        ("127.0.0.1", "127.0.0.1", False),
        ("127.9.9.9", "::1", False),
        ("10.1.2.3", "10.1.2.3", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
@in_virtual_time
async def test_connections_of_an_address_are_limited_but_not_those_of_proxies_and_loopback(address: str, same: str, limited: bool) -> None:
    server = ServerOnWires(max_connections_per_address=3, trusted_proxies=["10.0.0.0/8"])
    clients = [server.client(address) for _ in range(3)]
    last = server.client(same)
    assert last.statuses == ([503] if limited else [])
    clients[0].wire.close()
    last.wire.close()
    await settled()
    assert server.client(same).statuses == []


@in_virtual_time
async def test_a_full_process_closes_the_connection_that_waits_longest_for_a_new_one() -> None:
    server = ServerOnWires(max_connections=10)
    first = server.client("127.0.0.1")
    await first.get()
    half_open = [server.client("127.0.0.1") for _ in range(9)]
    await server.wait(1)
    await first.get()  # it has waited for the shortest time now
    for _ in range(9):
        await server.client("127.0.0.1").get()
    await settled()
    assert [client.over for client in half_open] == [True] * 9
    assert (first.over, first.statuses) == (False, [200, 200])


@in_virtual_time
async def test_a_process_whose_connections_all_have_requests_refuses_new_ones() -> None:
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await release.wait()
        await answer_body(scope, receive, send)

    server = ServerOnWires(app, max_connections=10)
    busy = [server.client("127.0.0.1") for _ in range(10)]
    for client in busy:
        await client.get()
    assert server.client("127.0.0.1").statuses == [503]
    release.set()
    await settled()
    assert [client.statuses for client in busy] == [[200]] * 10
    assert server.client("127.0.0.1").statuses == []


def test_refusals_are_logged_once_a_minute_with_their_counts() -> None:
    log = RefusalLog()
    with capture_logs() as events:
        for second in range(150):
            log.count("slow_header")
            if second % 50 == 0:
                log.count("malformed")
            log.write(float(second))
    assert [event["counts"] for event in events] == [
        {"slow_header": 1, "malformed": 1},
        {"slow_header": 60, "malformed": 1},
        {"slow_header": 60, "malformed": 1},
    ]
