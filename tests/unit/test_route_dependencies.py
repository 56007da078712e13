"""`Depends` on a Router: what a dependency takes, how often it runs, in which order, and how it refuses."""

import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import pytest
from fastapi import Depends, Header, HTTPException, Request

from api_base.core.errors import Conflict, Forbidden, ProgrammingError
from api_base.core.types import current_context
from api_base.interface.openapi.document import install
from api_base.interface.routes import OptionalVersion, RouteOptions, Router
from api_base.interface.routes.operation import Operation
from api_base.interface.routes.signature import Signature
from tests.http_harness import GOOD, shell

OPEN = RouteOptions(auth="optional")


@dataclass(frozen=True, slots=True)
class Answer:
    text: str


async def page(number: int = 1, size: Annotated[int, Header(alias="X-Size")] = 10) -> tuple[int, int]:
    return number, size


async def test_a_dependency_takes_values_of_the_request_as_a_route_does() -> None:
    router = Router()

    @router.get("/{id}", OPEN)
    async def get_one(id: int, page: Annotated[tuple[int, int], Depends(page)], named: Annotated[str, Depends(name_of)]) -> Answer:
        return Answer(f"{id} {page} {named}")

    async with shell(router).client() as client:
        good = await client.get("/api/v1/7?number=2", headers={"x-size": "20"})
        wrong = await client.get("/api/v1/7?number=x&other=1", headers={"x-size": "y"})
        nowhere = await client.get("/api/v1/x")
    assert good.json() == {"text": "7 (2, 20) GET /api/v1/7"}
    assert sorted(one["pointer"] for one in wrong.json()["errors"]) == ["/header/x-size", "/query/number", "/query/other"]
    assert nowhere.json()["errors"][0]["pointer"] == "/path/id"


def name_of(request: Request, id: int) -> str:
    return f"{request.method} {request.url.path}"


async def test_a_dependency_of_several_runs_once_unless_it_says_otherwise() -> None:
    runs: list[str] = []

    async def base() -> int:
        runs.append("base")
        return len(runs)

    async def left(value: Annotated[int, Depends(base)]) -> int:
        return value

    async def right(value: Annotated[int, Depends(base)], again: Annotated[int, Depends(base, use_cache=False)]) -> tuple[int, int]:
        return value, again

    router = Router()

    @router.get("/x", OPEN)
    async def read(left: Annotated[int, Depends(left)], right: Annotated[tuple[int, int], Depends(right)]) -> Answer:
        return Answer(f"{left} {right}")

    async with shell(router).client() as client:
        assert (await client.get("/api/v1/x")).json() == {"text": "1 (1, 2)"}
        assert (await client.get("/api/v1/x")).json() == {"text": "3 (3, 4)"}


async def test_each_kind_of_callable_is_a_dependency() -> None:
    @dataclass
    class Limits:
        most: int = 5

    class Called:
        async def __call__(self, least: int = 1) -> int:
            return least

    async def add(a: int, b: int) -> int:
        return a + b

    def thread() -> int:
        return threading.get_ident()

    router = Router()

    @router.get("/x", OPEN)
    async def read(
        limits: Annotated[Limits, Depends()],
        called: Annotated[int, Depends(Called())],
        sum: Annotated[int, Depends(partial(add, b=2))],
        thread: Annotated[int, Depends(thread)],
    ) -> Answer:
        return Answer(f"{limits.most} {called} {sum} {thread == threading.get_ident()}")

    async with shell(router).client() as client:
        assert (await client.get("/api/v1/x?most=4&a=3")).json() == {"text": "4 1 5 False"}


@pytest.mark.parametrize("failure", [None, Conflict("no"), HTTPException(418, "teapot")])
async def test_code_after_yield_runs_in_reverse_before_the_answer(failure: Exception | None) -> None:
    log: list[str] = []

    async def outer() -> AsyncIterator[str]:
        log.append("outer")
        try:
            yield "a"
        except Exception as error:
            log.append(type(error).__name__)
            raise
        finally:
            log.append("outer ends")

    def inner(value: Annotated[str, Depends(outer)]) -> Iterator[str]:
        log.append("inner")
        try:
            yield value + "b"
        finally:
            log.append("inner ends")

    router = Router()

    @router.get("/x", OPEN)
    async def read(value: Annotated[str, Depends(inner)]) -> Answer:
        log.append("read")
        if failure is not None:
            raise failure
        return Answer(value)

    async with shell(router).client() as client:
        answer = await client.get("/api/v1/x")
    raised = [] if failure is None else [type(failure).__name__]
    assert log == ["outer", "inner", "read", "inner ends", *raised, "outer ends"]
    assert answer.status_code == {None: 200, Conflict: 409, HTTPException: 418}[type(failure) if failure else None]


async def test_a_dependency_refuses_by_our_errors_and_by_fastapis() -> None:
    def ours() -> None:
        raise Forbidden("Only on Mondays.")

    async def theirs() -> None:
        raise HTTPException(402, "Pay first.", {"X-Price": "5"})

    router = Router()

    @router.get("/ours", OPEN)
    async def of_ours(value: Annotated[None, Depends(ours)]) -> Answer: ...

    @router.get("/theirs", OPEN)
    async def of_theirs(value: Annotated[None, Depends(theirs)]) -> Answer: ...

    async with shell(router).client() as client:
        mine, other = await client.get("/api/v1/ours"), await client.get("/api/v1/theirs")
    assert (mine.status_code, mine.json()["detail"], mine.json()["type"]) == (403, "Only on Mondays.", "/problems/forbidden")
    assert (other.status_code, other.json()["detail"], other.headers["x-price"]) == (402, "Pay first.", "5")
    assert other.headers["content-type"] == "application/problem+json"


async def test_dependencies_of_the_router_and_of_the_route_run_first_without_a_parameter() -> None:
    log: list[str] = []

    def note(text: str) -> Any:
        async def noted() -> None:
            log.append(text)

        return Depends(noted)

    async def closed(key: Annotated[str, Header()] = "") -> None:
        log.append("closed")
        if key != "open":
            raise Forbidden("Closed.")

    router = Router(dependencies=[Depends(closed)])

    @router.get("/x", OPEN, dependencies=[note("route")])
    async def read(value: Annotated[None, note("parameter")]) -> Answer:
        return Answer("in")

    async with shell(router).client() as client:
        assert (await client.get("/api/v1/x")).status_code == 403
        assert (await client.get("/api/v1/x", headers={"key": "open"})).json() == {"text": "in"}
    assert log == ["closed", "closed", "route", "parameter"]


async def test_no_dependency_of_a_route_with_authentication_runs_for_an_anonymous_caller() -> None:
    callers: list[object] = []

    def caller() -> None:
        callers.append(current_context.get().principal)

    router = Router()

    @router.get("/x")
    async def read(value: Annotated[None, Depends(caller)]) -> Answer:
        return Answer("in")

    harness = shell(router)
    async with harness.client() as client:
        assert (await client.get("/api/v1/x")).status_code == 401
        assert callers == []
        assert (await client.get("/api/v1/x", headers={"authorization": GOOD})).status_code == 200
    assert callers == [harness.tokens.who]


def test_the_document_shows_what_dependencies_take() -> None:
    router = Router()

    @router.get("/x", OPEN)
    async def read(page: Annotated[tuple[int, int], Depends(page)]) -> Answer:
        return Answer(str(page))

    harness = shell(router)
    install(harness.app, {1: harness.routers}, version="1", schemes=harness.schemes.all)
    parameters = harness.app.openapi()["paths"]["/api/v1/x"]["get"]["parameters"]
    assert [(one["in"], one["name"], one["schema"]["default"]) for one in parameters] == [("query", "number", 1), ("header", "X-Size", 10)]


def test_a_circle_is_refused_at_start() -> None:
    async def first(value: Annotated[int, Depends(lambda: None)]) -> int: ...

    async def second(value: Annotated[int, Depends(first)]) -> int: ...

    first.__annotations__["value"] = Annotated[int, Depends(second)]
    router = Router()

    @router.get("/x", OPEN)
    async def read(value: Annotated[int, Depends(first)]) -> Answer: ...

    with pytest.raises(ProgrammingError, match="second depends on first, which depends on it"):
        shell(router)


async def test_a_route_without_dependencies_is_its_function_and_nothing_around_it() -> None:
    async def read_thing(id: int, expected: OptionalVersion) -> None: ...

    plain = Operation(Signature(read_thing, "/things/{id}"), "GET", 200, RouteOptions(), 1_000)
    assert plain.endpoint is read_thing
