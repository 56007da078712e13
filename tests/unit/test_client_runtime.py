"""The client for Python: which requests it repeats and how, what it sends, and what it makes of answers, with and without asyncio."""

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import httpx2
import pytest

from api_base.generating.clients.runtime.answers import Answer, NotModified, Problem, Unanswered
from api_base.generating.clients.runtime.requests import Call, Retries, Transport
from api_base.generating.clients.runtime.sending import AsyncioClient, SyncClient

URL: Final = "https://api.example.com/shop"
CREATE: Final = {"method": "POST", "path": "/items", "json": {"sku": "A"}}


class ConflictProblem(Problem):
    """As the generated module has it."""


class Client(SyncClient):
    problems: ClassVar = {"conflict": ConflictProblem}


class AsyncClient(AsyncioClient):
    problems: ClassVar = {"conflict": ConflictProblem}


def problem(kind: str, status: int, **headers: str) -> httpx2.Response:
    members = {"type": f"/problems/{kind}", "title": kind, "status": status, "detail": "Why.", "request_id": "r-1"}
    return httpx2.Response(status, json=members, headers={"content-type": "application/problem+json", **headers})


type Outcome = httpx2.Response | type[httpx2.RequestError]


@dataclass
class Server:
    """Answers with `outcomes`, one after another, to both clients."""

    outcomes: list[Outcome]
    requests: list[httpx2.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(
            httpx2.Request(request.method, request.url, headers=list(request.headers.multi_items()), content=request.read())
        )
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, httpx2.Response):
            return httpx2.Response(outcome.status_code, headers=outcome.headers, content=outcome.content, request=request)
        raise outcome("no", request=request)

    async def asynchronous(self, request: httpx2.Request) -> httpx2.Response:
        return self(request)

    def seen(self, name: str) -> list[str | None]:
        return [one.headers.get(name) for one in self.requests]


type Sender = Callable[..., Answer[Any]]


@pytest.fixture(params=["sync", "asyncio"])
def send(request: pytest.FixtureRequest) -> Sender:
    """Send a call by one of both clients."""

    def synchronously(server: Server, call: Call, **options: Any) -> Answer[Any]:
        http = httpx2.Client(transport=httpx2.MockTransport(server))
        with Client(URL, http=http, **options) as client:
            client._sleep = server.pauses.append
            return client.send(call)

    def asynchronously(server: Server, call: Call, **options: Any) -> Answer[Any]:
        async def run() -> Answer[Any]:
            async def sleep(seconds: float) -> None:
                server.pauses.append(seconds)

            http = httpx2.AsyncClient(transport=httpx2.MockTransport(server.asynchronous))
            async with AsyncClient(URL, http=http, **options) as client:
                client._sleep = sleep
                return await client.send(call)

        return asyncio.run(run())

    return synchronously if request.param == "sync" else asynchronously


OK: Final = 201


@pytest.mark.parametrize(
    ("call", "first", "attempts"),
    [
        ({**CREATE, "keyed": True}, problem("unavailable", 503), 2),
        ({**CREATE, "keyed": True}, problem("internal", 500), 2),
        ({**CREATE, "keyed": True}, problem("request-in-progress", 409), 2),
        ({**CREATE, "keyed": True}, httpx2.Response(502, text="<h1>Bad gateway</h1>"), 2),
        ({**CREATE, "keyed": True}, httpx2.ReadError, 2),
        ({**CREATE, "keyed": True}, problem("conflict", 409), 1),
        (CREATE, problem("quota-exceeded", 429), 2),
        (CREATE, problem("unavailable", 503), 1),
        (CREATE, problem("temporary-reduced-capacity", 503), 2),
        (CREATE, problem("timeout", 503), 1),
        (CREATE, problem("internal", 500), 1),
        (CREATE, httpx2.Response(502, text="<h1>Bad gateway</h1>"), 1),
        (CREATE, httpx2.ReadError, 1),
        (CREATE, httpx2.ReadTimeout, 1),
        (CREATE, httpx2.ConnectError, 2),
        ({"method": "GET", "path": "/items"}, problem("timeout", 503), 2),
        ({"method": "GET", "path": "/items"}, httpx2.Response(500, text="broken"), 2),
        ({"method": "GET", "path": "/items"}, httpx2.DecodingError, 2),
        ({"method": "GET", "path": "/items"}, httpx2.RemoteProtocolError, 2),
        ({"method": "QUERY", "path": "/items"}, problem("internal", 500), 2),
        ({"method": "DELETE", "path": "/items"}, problem("internal", 500), 1),
        ({"method": "GET", "path": "/items"}, problem("not-found", 404), 1),
    ],
)
def test_a_request_is_repeated_only_where_that_does_no_harm(send: Sender, call: dict[str, Any], first: Outcome, attempts: int) -> None:
    server = Server([first, httpx2.Response(OK, json={})])
    if attempts == 1:
        with pytest.raises((Problem, Unanswered)):
            send(server, Call(**call))
    else:
        assert send(server, Call(**call)).status == OK
    assert len(server.requests) == attempts
    assert len({one.content for one in server.requests}) == 1


def test_every_attempt_has_the_same_key_and_a_valid_token(send: Sender) -> None:
    server = Server([problem("internal", 500), httpx2.ReadError, httpx2.Response(OK, json={})])
    send(server, Call(**CREATE, keyed=True), token="one")
    keys = server.seen("idempotency-key")
    assert len(set(keys)) == 1
    assert len(keys[0] or "") == 36
    assert server.seen("authorization") == ["Bearer one"] * 3


def test_two_requests_have_two_keys_and_one_of_the_caller_is_used(send: Sender) -> None:
    keys = []
    for key in (None, None, "mine"):
        server = Server([httpx2.Response(OK, json={})])
        send(server, Call(**CREATE, keyed=True, idempotency_key=key))
        keys += server.seen("idempotency-key")
    assert keys[0] != keys[1]
    assert keys[2] == "mine"


def test_an_operation_without_keys_gets_none(send: Sender) -> None:
    server = Server([httpx2.Response(OK, json={})])
    send(server, Call(**CREATE))
    assert server.seen("idempotency-key") == [None]


def test_attempts_end_and_pauses_grow_to_their_limit(send: Sender) -> None:
    server = Server([problem("unavailable", 503) for _ in range(6)])
    with pytest.raises(Problem) as raised:
        send(server, Call(**CREATE, keyed=True), retries=Retries(attempts=6, first_pause=1.0, longest_pause=4.0))
    assert raised.value.kind == "unavailable"
    assert len(server.requests) == 6
    assert all(0 <= pause <= limit for pause, limit in zip(server.pauses, [1, 2, 4, 4, 4], strict=True))


def test_what_the_server_asks_for_is_waited(send: Sender) -> None:
    server = Server([problem("quota-exceeded", 429, **{"retry-after": "7"}), httpx2.Response(OK, json={})])
    send(server, Call(**CREATE))
    assert 7 <= server.pauses[0] <= 7.25


def test_who_asks_for_too_long_gets_no_other_attempt(send: Sender) -> None:
    server = Server([problem("quota-exceeded", 429, **{"retry-after": "3600"})])
    with pytest.raises(Problem) as raised:
        send(server, Call(**CREATE))
    assert raised.value.retry_after == 3600


def test_one_attempt_is_one_attempt(send: Sender) -> None:
    server = Server([problem("unavailable", 503)])
    with pytest.raises(Problem):
        send(server, Call(**CREATE), retries=Retries(attempts=1))
    assert server.pauses == []


def test_a_problem_has_its_class_and_its_members(send: Sender) -> None:
    members = {
        "type": "https://x.test/problems/conflict",
        "title": "T",
        "detail": "D",
        "request_id": "r",
        "errors": [{"pointer": "/a", "code": "c"}],
    }
    with pytest.raises(ConflictProblem) as raised:
        send(Server([httpx2.Response(409, json=members)]), Call(**CREATE))
    found = raised.value
    assert (found.kind, found.status, found.title, found.detail, found.request_id) == ("conflict", 409, "T", "D", "r")
    assert [(one.pointer, one.code, one.message) for one in found.errors] == [("/a", "c", "")]
    assert "409 T: D" in str(found)


@pytest.mark.parametrize("body", [b"<h1>No</h1>", b"[1]", b"", b"\xff\xfe", b'{"type": 1, "errors": 5, "title": null}'])
def test_what_is_no_problem_becomes_one(send: Sender, body: bytes) -> None:
    with pytest.raises(Problem) as raised:
        send(Server([httpx2.Response(403, content=body)]), Call(**CREATE))
    assert raised.value.status == 403
    assert raised.value.errors == ()


def test_a_redirect_is_not_followed_with_the_token(send: Sender) -> None:
    server = Server([httpx2.Response(307, headers={"location": "https://evil.example.com"})])
    with pytest.raises(Problem):
        send(server, Call("GET", "/items"), token="secret")
    assert len(server.requests) == 1


def test_an_answer_has_its_version_and_says_whether_it_is_kept(send: Sender) -> None:
    headers = {"etag": '"v1-json1"', "idempotency-replayed": "true", "x-request-id": "r-9"}
    answer = send(Server([httpx2.Response(OK, json={"id": 1}, headers=headers)]), Call(**CREATE))
    assert (answer.body, answer.etag, answer.replayed, answer.request_id) == ({"id": 1}, '"v1-json1"', True, "r-9")
    without = send(Server([httpx2.Response(204)]), Call("DELETE", "/items"))
    assert (without.body, without.replayed) == (None, False)
    with pytest.raises(LookupError):
        _ = without.etag


@pytest.mark.parametrize("content", [b"\x00\x01", b'{"a": 1.10}', b""])
def test_bytes_stay_bytes(send: Sender, content: bytes) -> None:
    response = httpx2.Response(200, content=content, headers={"content-type": "application/json"})
    assert send(Server([response]), Call("GET", "/file", accepts="application/octet-stream")).body == content


@pytest.mark.parametrize("content", [b"<html>", b'{"a":', b"\xff"])
def test_what_is_no_json_is_no_answer(send: Sender, content: bytes) -> None:
    server = Server([httpx2.Response(200, content=content, headers={"content-type": "text/html"})])
    with pytest.raises(Unanswered, match="the answer is not JSON, but text/html"):
        send(server, Call("GET", "/items"))
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("7", 7.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("Fri, 31 Dec 2999 23:59:59 GMT", 1e9), ("soon", None), ("", None), ("-1", None)],
)
def test_what_the_server_asks_for_is_a_number_or_a_date(send: Sender, after: str, seconds: float | None) -> None:
    with pytest.raises(Problem) as raised:
        send(Server([problem("conflict", 409, **{"retry-after": after})]), Call(**CREATE))
    found = raised.value.retry_after
    assert found == seconds if seconds != 1e9 else found is not None and found > seconds


def test_a_problem_crosses_the_border_of_a_process(send: Sender) -> None:
    with pytest.raises(ConflictProblem) as raised:
        send(Server([problem("conflict", 409)]), Call(**CREATE))
    copied = pickle.loads(pickle.dumps(raised.value))
    assert (type(copied), copied.kind, str(copied)) == (ConflictProblem, "conflict", str(raised.value))


def test_every_request_has_the_headers_of_the_client(send: Sender) -> None:
    server = Server([httpx2.Response(200, json={})])
    send(server, Call("GET", "/items", headers={"If-None-Match": "x"}), headers={"Traceparent": "00-1", "User-Agent": "shop"})
    assert (server.seen("traceparent"), server.seen("user-agent"), server.seen("if-none-match")) == (["00-1"], ["shop"], ["x"])


def test_a_cursor_that_is_repeated_ends_the_pages() -> None:
    server = Server([httpx2.Response(200, json={"items": [1], "next_cursor": "x"}) for _ in range(3)])
    with (
        Client(URL, http=httpx2.Client(transport=httpx2.MockTransport(server))) as client,
        pytest.raises(Unanswered, match="repeats the cursor"),
    ):
        list(client.elements(Call("GET", "/items")))
    assert len(server.requests) == 2


def test_what_is_not_modified_is_said(send: Sender) -> None:
    with pytest.raises(NotModified):
        send(Server([httpx2.Response(304, headers={"etag": '"v1"'})]), Call("GET", "/items", headers={"If-None-Match": '"v1"'}))


def test_a_call_is_a_request_below_the_prefix(send: Sender) -> None:
    server = Server([httpx2.Response(200, json={})])
    query = {"status": {"eq": "draft", "in": ["a,b", "c"]}, "limit": 2, "include_total": True, "cursor": None, "fields": ["id", "name"]}
    call = Call("GET", "/items/{id}", places={"id": "a/b ?"}, query=query, headers={"If-Match": None, "If-None-Match": "x"})
    send(server, call, language="pt")
    (sent,) = server.requests
    assert sent.url.raw_path.partition(b"?")[0] == b"/shop/items/a%2Fb%20%3F"
    assert list(sent.url.params.multi_items()) == [
        ("status[eq]", "draft"),
        ("status[in]", "a\\,b,c"),
        ("limit", "2"),
        ("include_total", "true"),
        ("fields", "id,name"),
    ]
    assert sent.headers["accept-language"] == "pt"
    assert sent.headers["if-none-match"] == "x"
    assert "if-match" not in sent.headers
    assert "content-type" not in sent.headers


def test_forms_and_bytes_are_sent_as_they_are_declared(send: Sender) -> None:
    server = Server([httpx2.Response(200, json={}), httpx2.Response(200, json={})])
    send(server, Call("POST", "/token", form={"grant_type": "password", "scope": None}))
    send(server, Call("POST", "/files", content=b"abc", content_type="application/octet-stream"))
    assert [(one.content, one.headers["content-type"]) for one in server.requests] == [
        (b"grant_type=password", "application/x-www-form-urlencoded"),
        (b"abc", "application/octet-stream"),
    ]


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_of_the_path_names_no_other_route(send: Sender, value: str) -> None:
    with pytest.raises(ValueError, match="id must not be"):
        send(Server([]), Call("DELETE", "/items/{id}", places={"id": value}))


@pytest.mark.parametrize(
    "url", ["", "api.example.com", "ftp://x.test", "https://", "https://x.test?a=1", "https://x.test#a", "https://u:p@x.test", "https://:1"]
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not that of a server"):
        Transport(url, None, Retries(), {})


def pages() -> Sequence[httpx2.Response]:
    return [
        httpx2.Response(200, json={"items": [1, 2], "next_cursor": "x"}),
        httpx2.Response(200, json={"items": [], "next_cursor": "y"}),
        httpx2.Response(200, json={"items": [3], "next_cursor": None}),
    ]


def test_all_pages_are_read_one_after_another() -> None:
    server = Server(list(pages()))
    with Client(URL, http=httpx2.Client(transport=httpx2.MockTransport(server))) as client:
        elements = client.elements(Call("GET", "/items", query={"limit": 2}))
        assert next(elements) == 1
        assert len(server.requests) == 1
        assert list(elements) == [2, 3]
    assert [one.url.params.get("cursor") for one in server.requests] == [None, "x", "y"]
    assert {one.url.params["limit"] for one in server.requests} == {"2"}


async def test_all_pages_are_read_by_asyncio() -> None:
    server = Server(list(pages()))
    async with AsyncClient(URL, http=httpx2.AsyncClient(transport=httpx2.MockTransport(server.asynchronous))) as client:
        assert [one async for one in client.elements(Call("GET", "/items"))] == [1, 2, 3]


def test_a_token_may_be_asked_for_each_time() -> None:
    tokens = iter(["one", "two"])
    server = Server([problem("unavailable", 503), httpx2.Response(200, json={})])
    with Client(URL, token=lambda: next(tokens), http=httpx2.Client(transport=httpx2.MockTransport(server))) as client:
        client._sleep = server.pauses.append
        client.send(Call("GET", "/items"))
    assert server.seen("authorization") == ["Bearer one", "Bearer two"]


async def test_a_token_may_be_awaited() -> None:
    async def token() -> str:
        return "one"

    given: Callable[[], Awaitable[str]] = token
    server = Server([httpx2.Response(200, json={})])
    async with AsyncClient(URL, token=given, http=httpx2.AsyncClient(transport=httpx2.MockTransport(server.asynchronous))) as client:
        await client.send(Call("GET", "/items"))
    assert server.seen("authorization") == ["Bearer one"]
