"""What we rely on in FastAPI and Starlette beyond their documentation. They release often: where an upgrade breaks us, it is told here, by name."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends as DependsMark
from fastapi.params import File, Form
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.bootstrap.application import create_app
from api_base.core.config import Settings


class Seen:
    """A middleware that notes when it is passed, and what the application left in the scope."""

    def __init__(self, app: ASGIApp, *, name: str, log: list[str], scopes: list[Scope]) -> None:
        self._app, self._name, self._log, self._scopes = app, name, log, scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._log.append(self._name)
            self._scopes.append(scope)
        await self._app(scope, receive, send)


def things() -> APIRouter:
    router = APIRouter(prefix="/things")

    @router.get("/{id}", status_code=203)
    async def get_thing(id: int) -> dict[str, int]:
        if id == 0:
            raise LookupError("a bug")
        return {"id": id}

    @router.post("")
    async def create_thing(body: dict[str, int]) -> dict[str, int]:
        return body

    return router


def bare(**options: Any) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, **options)
    app.include_router(things(), prefix="/api")
    return app


async def ask(app: ASGIApp, method: str, path: str, **options: Any) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client:
        return await client.request(method, path, **options)


def answering(caught: list[Exception]) -> Callable[[Any, Exception], Awaitable[Any]]:
    """A handler that answers with a plain ASGI application, as ours do."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"ours"})

    async def on_error(request: Any, error: Exception) -> Any:
        caught.append(error)
        return answer

    return on_error


def test_an_application_without_urls_has_no_routes_of_fastapis_own() -> None:
    assert FastAPI(openapi_url=None, docs_url=None, redoc_url=None).routes == []


def test_a_router_lists_its_routes_with_what_our_operations_are_made_of() -> None:
    first, second = things().routes
    assert isinstance(first, APIRoute)
    assert isinstance(second, APIRoute)
    assert (first.path, first.methods, first.status_code, first.endpoint.__name__) == ("/things/{id}", {"GET"}, 203, "get_thing")
    assert second.status_code is None


def test_included_routes_are_found_with_their_whole_path() -> None:
    found = {
        (context.path_format, *(context.methods or ())): context.original_route.endpoint.__name__
        for context in iter_route_contexts(bare().routes)
        if isinstance(context.original_route, APIRoute)
    }
    assert found == {("/api/things/{id}", "GET"): "get_thing", ("/api/things", "POST"): "create_thing"}


def test_a_dependency_in_an_annotation_can_be_read() -> None:
    async def endpoint(value: Annotated[int, Depends(len)]) -> None: ...

    mark = get_args(get_type_hints(endpoint, include_extras=True)["value"])[1]
    assert isinstance(mark, DependsMark)
    assert mark.dependency is len


def test_the_annotations_of_values_say_what_we_read_and_pydantic_takes_their_constraints() -> None:
    assert (Header().alias, Header().convert_underscores, Query(alias="a").alias, Query(alias="a").validation_alias) == (
        None,
        True,
        "a",
        "a",
    )
    assert (Query().default, Query(3).default, Query(default_factory=list).default_factory) == (PydanticUndefined, 3, list)
    assert (Depends(len).use_cache, Depends().dependency, issubclass(File, Form), issubclass(Form, params.Body)) == (True, None, True, True)
    assert TypeAdapter(Annotated[int, Query(ge=1)]).validate_python("1") == 1
    with pytest.raises(ValidationError):
        TypeAdapter(Annotated[int | None, Query(ge=1)]).validate_python("0")


async def test_the_first_middleware_is_the_outermost_and_sees_the_route_that_was_found() -> None:
    log: list[str] = []
    scopes: list[Scope] = []
    stack = [Middleware(Seen, name=name, log=log, scopes=scopes) for name in ("first", "last")]
    await ask(bare(middleware=stack), "GET", "/api/things/1")
    assert log == ["first", "last"]
    assert scopes[0]["route"].path_format == "/things/{id}"
    assert scopes[0]["fastapi"]["effective_route_context"].path_format == "/api/things/{id}"


async def test_what_a_route_raises_reaches_the_last_middleware_unless_a_handler_takes_it() -> None:
    caught: list[type[BaseException]] = []

    class Catching:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await self._app(scope, receive, send)
            except LookupError as error:
                caught.append(type(error))
                raise

    app = bare(middleware=[Middleware(Catching)])
    assert (await ask(app, "GET", "/api/things/0")).status_code == 500
    assert caught == [LookupError]


async def test_a_handler_may_answer_with_any_asgi_application() -> None:
    caught: list[Exception] = []
    app = bare()
    app.add_exception_handler(LookupError, answering(caught))
    answer = await ask(app, "GET", "/api/things/0")
    assert (answer.status_code, answer.content) == (418, b"ours")


@pytest.mark.parametrize(
    ("method", "path", "status", "detail", "headers"),
    [
        ("GET", "/nothing", 404, "Not Found", {}),
        ("GET", "/api/things/1/", 404, "Not Found", {}),
        ("DELETE", "/api/things/1", 405, "Method Not Allowed", {"Allow": "GET"}),
    ],
)
async def test_the_routers_refusals_are_known_by_their_phrase(
    method: str, path: str, status: int, detail: str, headers: dict[str, str]
) -> None:
    caught: list[Exception] = []
    app = bare()
    app.add_exception_handler(HTTPException, answering(caught))
    await ask(app, method, path)
    (error,) = caught
    assert isinstance(error, HTTPException)
    assert (error.status_code, error.detail, error.headers or {}) == (status, detail, headers)


@pytest.mark.parametrize(("content", "kind", "place"), [(b"{", "json_invalid", ("body", 1)), (b'{"a": "b"}', "int_parsing", ("body", "a"))])
async def test_a_refused_body_says_whether_it_is_json_at_all(content: bytes, kind: str, place: tuple[Any, ...]) -> None:
    caught: list[Exception] = []
    app = bare()
    app.add_exception_handler(RequestValidationError, answering(caught))
    await ask(app, "POST", "/api/things", content=content, headers={"content-type": "application/json"})
    (error,) = caught
    assert isinstance(error, RequestValidationError)
    assert [(one["type"], one["loc"]) for one in error.errors()] == [(kind, place)]


async def test_a_document_put_in_the_place_of_fastapis_is_the_applications() -> None:
    app = FastAPI()
    app.openapi = lambda: {"ours": True}  # type: ignore[method-assign]
    assert (await ask(app, "GET", "/openapi.json")).json() == {"ours": True}
    assert FastAPI(openapi_url=None).openapi_version.startswith("3.1")


def test_telemetry_of_fastapis_own_is_off(tmp_path: Path) -> None:
    ours = create_app(Settings(_env_file=None, security={"key_dir": tmp_path}))
    signals = ("tracing", "metrics", "logs")
    assert [app._native_telemetry.config[signal] for app in (FastAPI(), ours) for signal in signals] == [True] * 3 + [False] * 3
