"""A request is freed when it ends: it leaves no circle of references, for which the garbage collector would have to stop the server."""

import asyncio
import gc
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from fastapi import APIRouter, Depends
from starlette.types import Message, Scope

from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.garbage import garbage

pytestmark = pytest.mark.slow

TIMES: Final = 3
ENDLESS: Final = "text/event-stream"
GRAPHQL: Final = "/graphql"
"""graphql-core builds circles for each operation that it validates and executes."""


@dataclass
class Server:
    """What a server has of a request: its `send` leads to the scope, as that of uvicorn does."""

    scope: Scope
    body: bytes | None
    status: int = 0

    async def receive(self) -> Message:
        if self.body is None:
            await asyncio.Event().wait()  # the client stays
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    query: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def scope(self, person: Person | None) -> Scope:
        headers = [(b"host", b"api.test"), (b"accept", b"*/*"), (b"accept-encoding", b"gzip"), *self.headers]
        if self.body:
            headers += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(self.body))]
        if person is not None:
            headers.append((b"authorization", b"Bearer " + person.access_token.encode()))
        at = {"path": self.path, "raw_path": self.path.encode(), "query_string": self.query, "root_path": "", "headers": headers}
        ends = {"client": ("203.0.113.7", 1234), "server": ("api.test", 80), "scheme": "http", "http_version": "1.1"}
        return {"type": "http", "asgi": {"version": "3.0"}, "method": self.method, "state": {}, **at, **ends}


def fastapi_routes() -> APIRouter:
    """A route that FastAPI serves itself, with a dependency of its own."""
    router = APIRouter()

    @router.get("/plain/{number}")
    async def plain(number: int, more: str = Depends(lambda: "more")) -> dict[str, str]:
        return {str(number): more}

    @router.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a fault of the program")

    return router


@pytest_asyncio.fixture
async def api(migrated: Urls) -> AsyncIterator[Running]:
    contexts = [*BUILT_IN, Context(name="plain", routes=lambda bus: fastapi_routes())]
    async with running(settings_on(migrated), contexts) as opened:
        gc.collect()
        gc.freeze()  # what the application consists of is not searched again and again
        try:
            yield opened
        finally:
            gc.unfreeze()
            gc.collect()
            gc.freeze()  # what tests/conftest.py froze


async def left_by(api: Running, request: Request, person: Person | None) -> tuple[int, int, Counter[str]]:
    """The status of a request, how many objects each one leaves for the garbage collector, and their types.

    Tasks in the background may leave some meanwhile, fewer than one for each request.
    """

    async def ask() -> int:
        server = Server(request.scope(person), request.body)
        await asyncio.create_task(api.app(server.scope, server.receive, server.send))  # type: ignore[arg-type]
        return server.status

    await ask()  # what the first request imports and caches
    with garbage() as left:
        for _ in range(TIMES):
            status = await ask()
        await asyncio.sleep(0.01)
    return status, left.total() // TIMES, left


def operations(api: Running) -> list[Request]:
    """Every operation of the API, with a body that it refuses and ids that nothing has."""
    paths: dict[str, dict[str, Any]] = api.app.openapi()["paths"]
    return [
        Request(method.upper(), re.sub(r"\{\w+\}", lambda _: str(uuid4()), path), b"{}" if "requestBody" in operation else b"")
        for path, methods in paths.items()
        for method, operation in methods.items()
        if path != GRAPHQL and ENDLESS not in json.dumps(operation["responses"])
    ]


async def test_no_operation_leaves_garbage(api: Running) -> None:
    statuses: Counter[int] = Counter()
    leaving = {}
    for request in operations(api):
        for person in (await api.person(platform_admin=True), None):  # a new one, whom the last operation cannot have logged out
            status, left, types = await left_by(api, request, person)
            statuses[status] += 1
            if left:
                leaving[request.method, request.path, status] = types.most_common(5)
    assert leaving == {}
    assert {200, 204, 401, 404, 422} <= statuses.keys(), statuses
    assert statuses.total() > 200, statuses


async def test_no_kind_of_answer_leaves_garbage(api: Running) -> None:
    ana = await api.person()
    item = await api.item(ana, sku="TAKEN")
    chair = {"name": "Chair", "category": "furniture"}
    requests = {
        "a resource": (Request("GET", f"/api/v1/items/{item['id']}"), 200),
        "a known resource": (Request("GET", f"/api/v1/items/{item['id']}", headers=((b"if-none-match", b"*"),)), 304),
        "a list": (Request("GET", "/api/v2/items", query=b"sort=-created_at&limit=1&include_total=true"), 200),
        "an export": (Request("GET", "/api/v2/items", headers=((b"accept", b"text/csv"),)), 200),
        "a route of FastAPI": (Request("GET", "/api/v1/plain/1"), 200),
        "what a route of FastAPI refuses": (Request("GET", "/api/v1/plain/one"), 422),
        "a fault of the program": (Request("GET", "/api/v1/broken"), 500),
        "a keyed request": (Request("POST", "/api/v1/items", b'{"sku":"K","name":"n","category":"c"}', headers=((b"idempotency-key", b"1"),)), 201),
        "a conflict": (Request("POST", "/api/v1/items", json.dumps({"sku": "TAKEN", **chair}).encode()), 409),
        "a malformed body": (Request("POST", "/api/v1/items", b'{"sku'), 400),
        "a stale version": (Request("PATCH", f"/api/v1/items/{item['id']}", b'{"name":"b"}', headers=((b"if-match", b'"v9-json1"'),)), 412),
        "an unknown path": (Request("GET", "/nowhere"), 404),
        "an unsupported method": (Request("PUT", "/api/v1/items"), 405),
        "a preflight": (Request("OPTIONS", "/api/v1/items"), 204),
        "a wrong login": (Request("POST", "/api/v1/auth/login", b'{"email":"a@example.com","password":"wrong-password"}'), 401),
    }  # fmt: skip
    found = {name: await left_by(api, request, ana) for name, (request, _) in requests.items()}
    assert {name: status for name, (status, _, _) in found.items()} == {name: status for name, (_, status) in requests.items()}
    assert {name: types for name, (_, left, types) in found.items() if left} == {}
