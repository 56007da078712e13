"""How long a request may take, and what is done once its answer is out."""

import asyncio

import pytest
from fastapi import APIRouter
from starlette.types import Message
from structlog.testing import capture_logs

from api_base.core.errors import ProgrammingError
from api_base.interface.middleware.after_response import HttpAfterResponse
from api_base.interface.middleware.http_exchange import CLIENT_LEFT
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import settings, shell, things


def slow(started: asyncio.Event, outcome: list[str]) -> Router:
    router = Router()

    @router.get("/slow", RouteOptions(public=True))
    async def wait() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            outcome.append("cancelled")
            raise

    @router.get("/inner", RouteOptions(public=True))
    async def inner() -> None:
        async with asyncio.timeout(0.001):
            await asyncio.Event().wait()

    return router


async def test_a_request_that_takes_too_long_is_given_up() -> None:
    outcome: list[str] = []
    here = shell(slow(asyncio.Event(), outcome), settings=settings(server={"request_timeout_seconds": 0.05}))
    async with here.client() as client:
        answer = await client.get("/api/v1/slow", headers={"x-request-id": "r"})
    assert (answer.status_code, answer.json()["type"], answer.headers["x-request-id"]) == (503, "/problems/timeout", "r")
    assert answer.headers["retry-after"] == "1"
    assert outcome == ["cancelled"]
    assert here.recorder.last[2:] == ("/api/v1/slow", 503)


async def test_a_timeout_of_the_inside_is_an_accident() -> None:
    here = shell(slow(asyncio.Event(), []))
    async with here.client() as client:
        assert (await client.get("/api/v1/inner")).status_code == 500


async def test_a_cancellation_from_outside_is_not_swallowed() -> None:
    started, outcome = asyncio.Event(), list[str]()
    here = shell(slow(started, outcome))
    async with here.client() as client:
        request = asyncio.create_task(client.get("/api/v1/slow"))
        await started.wait()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
    assert outcome == ["cancelled"]
    assert here.recorder.under_way == 0


async def test_what_is_for_afterwards_is_done_once_the_answer_is_out_whatever_fails() -> None:
    router, done = Router(), list[str]()

    async def fail() -> None:
        done.append("fails")
        raise RuntimeError

    async def succeed() -> None:
        done.append("succeeds")

    @router.get("/later", RouteOptions(public=True))
    async def later() -> None:
        after_response = HttpAfterResponse()
        after_response.call(fail)
        after_response.call(succeed)

    async def out(message: Message) -> None:
        done.append(message["type"])

    async def body() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    here = shell(router)
    scope = {"type": "http", "method": "GET", "path": "/api/v1/later", "query_string": b"", "headers": [], "client": ("203.0.113.7", 1)}
    await here.app(scope, body, out)
    assert done == ["http.response.start", "http.response.body", "fails", "succeeds"]
    assert here.recorder.last[2:] == ("/api/v1/later", 204)


async def test_outside_a_request_there_is_no_response_to_wait_for() -> None:
    async def never() -> None:
        raise AssertionError

    with pytest.raises(ProgrammingError, match="needs an HTTP request"):
        HttpAfterResponse().call(never)


def plain() -> APIRouter:
    router = APIRouter()

    @router.post("/plain")
    async def post(body: dict[str, str]) -> None:
        assert body

    return router


@pytest.mark.parametrize("path", ["/api/v1/things", "/api/v1/plain"])
@pytest.mark.parametrize("parts", [[], [b'{"name": ']])
async def test_a_client_that_leaves_before_its_body_is_complete_counts_as_left_and_nothing_is_logged(path: str, parts: list[bytes]) -> None:
    here = shell(things(), plain())
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts] + [{"type": "http.disconnect"}]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        del message

    headers = [(b"content-type", b"application/json"), (b"content-length", b"100")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers}
    with capture_logs() as logged:
        await here.app(scope, receive, send)
    assert here.recorder.last[2:] == (path, CLIENT_LEFT)
    assert logged == []
