"""G1 and G2: the whole stack, with FastAPI's route class and with ours, against bare FastAPI with the same response.

Runs in one process, through the same ASGI driver: CPU time per request, tokens of 1,000 principals, limits on, access log to a file.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.interface.routes import RouteOptions, Router
from benchmarks.report import ROUNDS, show
from benchmarks.world import Member, World, members, world

REQUESTS = 3000


@dataclass(frozen=True, slots=True)
class Hello:
    message: str


def fastapi_route(bus: Bus) -> APIRouter:
    router = APIRouter()

    @router.get("/hello/{name}")
    async def hello(name: str) -> Hello:
        return Hello(f"hello {name}")

    return router


def our_route(bus: Bus) -> APIRouter:
    router = Router()

    @router.get("/hallo/{name}", RouteOptions())
    async def hallo(name: str) -> Hello:
        return Hello(f"hello {name}")

    return router


def bare() -> FastAPI:
    app = FastAPI()
    app.include_router(fastapi_route(Bus([])), prefix="/api/v1")
    return app


async def cost(app: Callable[..., Awaitable[None]], path: str, tokens: Sequence[bytes]) -> float:
    """CPU microseconds per request."""
    body: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200, message
        else:
            body.append(message["body"])

    began = time.process_time()
    for number in range(REQUESTS):
        await app(scope(path, tokens[number % len(tokens)]), receive, send)
    taken = (time.process_time() - began) / REQUESTS * 1e6
    assert set(body) == {b'{"message":"hello ana"}'}
    return taken


def scope(path: str, token: bytes) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"user-agent", b"bench"),
            (b"accept", b"*/*"),
            (b"authorization", b"Bearer " + token),
        ],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }


async def measure(world: World, people: Sequence[Member]) -> dict[str, list[float]]:
    contexts = [*BUILT_IN, Context(name="hello", routes=fastapi_route), Context(name="hallo", routes=our_route)]
    app, plain = create_app(world.settings, contexts), bare()
    tokens = [member.token.encode() for member in people]
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.5)
        apps = {"bare": (plain, "/api/v1/hello/ana"), "G1": (app, "/api/v1/hello/ana"), "G2": (app, "/api/v1/hallo/ana")}
        rounds: dict[str, list[float]] = {name: [] for name in apps}
        for turn in range(ROUNDS + 1):
            for name, (one, path) in apps.items():
                figure = await cost(one, path, tokens)
                if turn:
                    rounds[name].append(figure)
            await asyncio.sleep(0)
    return rounds


def ratios(rounds: dict[str, list[float]], name: str) -> list[float]:
    return [base / figure for base, figure in zip(rounds["bare"], rounds[name], strict=True)]


def main() -> None:
    import uvloop

    with world() as made, (made.home / "access.log").open("w") as log:
        people = members(made, 1000, 1)
        terminal, sys.stdout = sys.stdout, log  # the access log goes where standard output goes
        try:
            rounds = uvloop.run(measure(made, people))
        finally:
            sys.stdout = terminal
    for name, figures in rounds.items():
        show(f"{name}: CPU a request", figures, "µs")
    show("G1: stack with FastAPI's route against bare FastAPI", ratios(rounds, "G1"), "", owed=">= 0.50")
    show("G2: stack with our route against bare FastAPI", ratios(rounds, "G2"), "", owed=">= 1.0 (later)")
