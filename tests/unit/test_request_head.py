"""The request line and `Host`, as RFC 9112 has them, however the bytes arrive; and the hosts that the server is for."""

import pytest
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api_base.core.config.server import ServerSettings
from api_base.serving.refusals import HOST_MISSING
from api_base.serving.request_input import Hosts
from tests.connections import ServerOnWires, answer_ok, settled
from tests.virtual_time import in_virtual_time

H = "Host: a\r\n"
LINES = {
    "GET / HTTP/1.1": 200,
    "GET / HTTP/1.0": 200,
    "\r\n\r\nGET / HTTP/1.1": 200,
    "GET http://a/x HTTP/1.1": 200,
    "GET http://a HTTP/1.1": 200,
    "OPTIONS * HTTP/1.1": 200,
    **{f"GET / HTTP/{major}.{minor}": 505 for major, minor in ((0, 0), (0, 9), (1, 2), (1, 9), (2, 0), (2, 1), (3, 0), (9, 9))},
    "GET /": 400,
    "GET / ": 400,
    "GET / HTTP": 400,
    "GET / HTTP/": 400,
    "GET / HTTP/1": 400,
    "GET / HTTP/11": 400,
    "GET / HTTP/1.": 400,
    "GET / HTTP/1.10": 400,
    "GET / HTTP/01.1": 400,
    "GET / HTTP/1.1 ": 400,
    "GET / http/1.1": 400,
    "GET / HTTP/1.1 HTTP/1.1": 400,
    "GET / HTTP/x.1": 400,
    "GET / RTSP/1.0": 400,
    "SOURCE / ICE/1.0": 400,
    "GET /  HTTP/1.1": 400,
    "GET/ HTTP/1.1": 400,
    " GET / HTTP/1.1": 400,
    "\tGET / HTTP/1.1": 400,
    "GET x HTTP/1.1": 400,
    "CONNECT a:443 HTTP/1.1": 400,
    "PRI * HTTP/2.0": 505,
    "": 400,
}


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("line", LINES)
@in_virtual_time
async def test_a_request_line_is_served_or_refused_as_rfc_9112_has_it(line: str, size: int) -> None:
    server = ServerOnWires()
    client = server.client()
    data = f"{line or 'x'}\r\n{H}\r\n".encode()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    await settled()
    assert client.statuses == [LINES[line]]
    assert client.over == (LINES[line] != 200 or "HTTP/1.0" in line)
    assert len(server.paths) == (LINES[line] == 200)


HOSTS = {
    ("1.1", ""): 400,
    ("1.0", ""): 200,
    ("1.1", "Host: a\r\nHost: a\r\n"): 400,
    ("1.1", "Host: a\r\nhost: b\r\n"): 400,
    ("1.0", "Host: a\r\nHost: a\r\n"): 400,
    ("1.1", "Host:\r\n"): 400,
    ("1.0", "Host: \r\n"): 400,
    ("1.1", "Host: a, b\r\n"): 400,
    ("1.1", "Host: a b\r\n"): 400,
    ("1.1", "Host: user@a\r\n"): 400,
    ("1.1", "Host: a/b\r\n"): 400,
    ("1.1", "Host: http://a\r\n"): 400,
    ("1.1", "Host: a:b\r\n"): 400,
    ("1.1", "Host: a:1:2\r\n"): 400,
    ("1.1", "Host: ::1\r\n"): 400,
    ("1.1", "Host: [::1\r\n"): 400,
    ("1.1", "Host: \xe4\r\n"): 400,
    ("1.1", "Host : a\r\n"): 400,
    ("1.1", "Host: a\r\n"): 200,
    ("1.1", "Host: a:80\r\n"): 200,
    ("1.1", "Host: A.Example:8000\r\n"): 200,
    ("1.1", "Host: a_b.example\r\n"): 200,
    ("1.1", "Host: [2001:db8::1]:8000\r\n"): 200,
    ("1.1", "HOST:a\r\n"): 200,
    ("1.1", "X: y\r\nHost: a\r\n"): 200,
}


@pytest.mark.parametrize("second", [False, True], ids=["first request", "second request"])
@pytest.mark.parametrize(("version", "headers"), HOSTS)
@in_virtual_time
async def test_a_request_has_exactly_one_valid_host(version: str, headers: str, second: bool) -> None:
    client = ServerOnWires().client()
    if second:
        await client.get()
    client.send(f"GET / HTTP/{version}\r\n{headers}\r\n".encode("latin-1"))
    await settled()
    assert client.statuses[second:] == [HOSTS[version, headers]]


@in_virtual_time
async def test_a_pipelined_request_is_checked_too() -> None:
    for behind, status in ((f"GET / HTTP/2.0\r\n{H}", 505), ("GET / HTTP/1.1\r\n", 400), (f"GET / HTTP/1.1\r\n{H}{H}", 400)):
        client = ServerOnWires().client()
        client.send(f"GET / HTTP/1.1\r\n{H}\r\n{behind}\r\n".encode())
        await settled()
        assert (client.statuses, client.over) == ([200, status], True)


@in_virtual_time
async def test_the_host_of_an_absolute_target_replaces_that_of_the_header() -> None:
    seen: list[tuple[str, bytes, list[tuple[bytes, bytes]]]] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        seen.append((scope["path"], scope["query_string"], scope["headers"]))

    server = ServerOnWires(app)
    for target in ("http://api.test:8000/x?q=1", "HTTPS://api.test:8000/x?q=1"):
        server.client().send(f"GET {target} HTTP/1.1\r\nHost: other\r\nX: y\r\n\r\n".encode())
    server.client().send(b"GET http://api.test?q HTTP/1.1\r\nHost: other\r\n\r\n")
    await settled()
    rewritten = ("/x", b"q=1", [(b"host", b"api.test:8000"), (b"x", b"y")])
    assert seen == [rewritten, rewritten, ("/", b"q", [(b"host", b"api.test")])]


ALLOWED = {
    "api.example.com": 200,
    "API.Example.Com": 200,
    "api.example.com:8443": 200,
    "api.example.com.": 200,
    "a.b.shop.test": 200,
    "[2001:db8::1]:80": 200,
    "192.0.2.1": 200,
    "shop.test": 421,
    "evilshop.test": 421,
    "example.com": 421,
    "api.example.com.evil.test": 421,
    "api.example.com@evil.test": 400,
    "127.0.0.1": 421,
}


@pytest.mark.parametrize("host", ALLOWED)
@in_virtual_time
async def test_other_hosts_than_the_allowed_ones_are_misdirected(host: str) -> None:
    server = ServerOnWires(allowed_hosts=["api.example.com", "*.shop.test", "2001:db8::1", "192.0.2.1"])
    for request in (f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", f"GET http://{host}/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n"):
        client = server.client()
        client.send(request.encode())
        await settled()
        assert client.statuses == [ALLOWED[host]]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/health/ready", "Host: 10.0.0.1:8000\r\n", 200),
        ("/metrics", "Host: 10.0.0.1\r\n", 200),
        ("/health/live", "", 200),
        ("/", "", 421),
        ("/healthy", "", 421),
    ],
)
@in_virtual_time
async def test_probes_need_no_allowed_host(path: str, headers: str, status: int) -> None:
    client = ServerOnWires(allowed_hosts=["api.example.com"]).client()
    client.send(f"GET {path} HTTP/1.0\r\n{headers}\r\n".encode())
    await settled()
    assert client.statuses == [status]


@pytest.mark.parametrize("host", ["https://a.test", "a.test:80", "a test", "*", "a.*.test", "", "[::1]", "a..b"])
def test_an_allowed_host_is_a_name_without_scheme_and_port(host: str) -> None:
    with pytest.raises(ValidationError, match="must be a host"):
        ServerSettings(allowed_hosts=[host])


@in_virtual_time
async def test_a_host_that_no_name_can_be_as_long_as_is_refused_and_not_kept() -> None:
    hosts = Hosts(["*.example.com"])
    assert hosts.refused([b"a." * 140 + b"example.com"], b"/", required=True) is None
    assert hosts.refused([b"a." * 150 + b"example.com"], b"/", required=True) is HOST_MISSING
    server = ServerOnWires()
    client = server.client()
    client.send(b"GET / HTTP/1.1\r\nHost: " + b"a" * 301 + b"\r\n\r\n")
    await settled()
    assert client.statuses == [400]


@in_virtual_time
async def test_the_chunks_of_one_piece_of_input_are_passed_on_together() -> None:
    parts: list[bytes] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        await answer_ok(scope, receive, send)

    client = ServerOnWires(app).client()
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.send(head + b"1\r\na\r\n" * 1000)
    await settled()
    client.send(b"1\r\nb\r\n" * 1000)
    await settled()
    client.send(b"1\r\nc\r\n1\r\nd\r\n0\r\n\r\n" + head + b"1\r\ne\r\n0\r\n\r\n")
    await settled()
    assert parts == [b"a" * 1000, b"b" * 1000, b"cd", b"e"]
    assert client.statuses == [200, 200]
