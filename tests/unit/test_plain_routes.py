"""Routes of FastAPI's own APIRouter have the guards of ours: each is sent the same requests as a route of ours that does the same."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import httpx2
import pytest
from fastapi import APIRouter, Body, FastAPI, Request, Response
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from api_base.core.config import Settings
from api_base.core.errors import ProgrammingError
from api_base.core.types import current_context
from api_base.interface import openapi
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import GOOD, SECURITY, HttpHarness, shell

LIMIT: Final = 1_024
AUTHS: Final = ("required", "optional", "ignored")
BAD: Final = {"authorization": "Bearer bad"}
SETTINGS: Final = Settings(_env_file=None, server={"max_body_bytes": LIMIT, "request_timeout_seconds": 0.5})


class Note(BaseModel):
    text: str


async def show(id: str) -> dict[str, Any]:
    principal = current_context.get().principal
    return {"id": id, "known": principal is not None}


async def keep(note: Note) -> dict[str, Any]:
    return {"size": len(note.text)}


async def stream(request: Request) -> dict[str, int]:
    return {"size": len(await request.body())}


async def echo(value: Annotated[Any, Body()]) -> Any:
    return value


async def cached(response: Response) -> None:
    response.headers["cache-control"] = "max-age=60"


def extra(**options: Any) -> dict[str, Any]:
    return {"x-api-base": options}


def outside() -> APIRouter:
    """What another package brings: plain routes, one of them in an included router, and behind a converter."""
    router, inner = APIRouter(prefix="/plain"), APIRouter(prefix="/inner")
    for auth in AUTHS:
        router.get(f"/{auth}/{{id}}", openapi_extra=extra(auth=auth))(named(show, f"show_{auth}"))
    router.get("/default/{id}")(named(show, "show_default"))
    router.get("/files/{id:path}")(named(show, "show_file"))
    for verb in ("post", "patch", "put"):
        getattr(router, verb)("/notes")(named(keep, f"{verb}_note"))
        getattr(inner, verb)("/notes")(named(keep, f"{verb}_inner"))
    router.post("/large", openapi_extra=extra(body_limit=10 * LIMIT))(named(stream, "post_large"))
    router.post("/rows", openapi_extra=extra(body_limit=10 * LIMIT))(named(echo, "post_rows"))
    router.api_route("/several", methods=["GET", "POST"])(named(stream, "several"))
    router.get("/cached")(named(cached, "get_cached"))
    router.post("/tus", openapi_extra=extra(protocol="tus"))(named(stream, "post_tus"))
    router.post("/login", openapi_extra=extra(rate="login", auth="ignored"))(named(stream, "post_login"))
    router.include_router(inner)
    return router


def named(endpoint: Any, name: str) -> Any:
    """A copy: operation ids are the names of functions."""
    import types

    copy = types.FunctionType(endpoint.__code__, endpoint.__globals__, name)
    copy.__annotations__, copy.__name__ = endpoint.__annotations__, name
    return copy


def ours() -> Router:
    router = Router(prefix="/ours")
    for auth in AUTHS:
        router.get(f"/{auth}/{{id}}", RouteOptions(auth=auth))(named(show, f"own_{auth}"))
        router.get(f"/{auth}", RouteOptions(auth=auth))(named(alone, f"own_alone_{auth}"))
    return router


async def alone() -> dict[str, Any]:
    return {"known": current_context.get().principal is not None}


@pytest.fixture
def harness() -> HttpHarness:
    return shell(outside(), ours(), settings=SETTINGS)


@pytest.fixture
async def client(harness: HttpHarness) -> AsyncIterator[httpx2.AsyncClient]:
    async with harness.client() as made:
        yield made


def walked(app: FastAPI) -> list[tuple[str, str]]:
    """Each method and path of the plain routes."""
    contexts = [one for one in iter_route_contexts(app.routes) if one.methods and "/plain" in (one.path or "")]
    assert len(contexts) == 17
    return [(method, f"{one.path}".replace("{id}", "x").replace("{id:path}", "x/y")) for one in contexts for method in one.methods or ()]


async def test_every_plain_route_refuses_a_large_body_a_key_and_a_bad_token(harness: HttpHarness, client: httpx2.AsyncClient) -> None:
    for method, path in walked(harness.app):
        ignores = path.endswith("/login") or "/ignored/" in path
        assert (await client.request(method, path, headers=BAD)).status_code == (401 if not ignores else 200), path
        if method == "GET":
            head = await client.request("HEAD", path, headers={"authorization": GOOD})
            assert (head.status_code, head.content) == (200, b""), path
        else:
            limit = 10 * LIMIT if path.endswith(("/large", "/rows")) else LIMIT
            for content in (b"x" * (limit + 1), b"x" * (limit * 9), chunks(limit + 1)):
                answer = await client.request(method, path, content=content, headers={"content-type": "application/json"})
                assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (413, "body-too-large"), path
            keyed = await client.request(method, path, content=b'{"text": "a"}', headers={"idempotency-key": "k"})
            assert keyed.status_code == (200 if path.endswith("/tus") else 400), path
        other = await client.request("DELETE", path)
        assert other.status_code == 405
        assert method in other.headers["allow"].split(", ")
        assert SECURITY.items() <= other.headers.items()


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x"


@pytest.mark.parametrize("path", ["/api/v1/plain/{}/x", "/api/v1/ours/{}/x", "/api/v1/ours/{}"])
@pytest.mark.parametrize(
    ("auth", "anonymous", "known", "bad"),
    [("required", 401, (200, True), 401), ("optional", 200, (200, True), 401), ("ignored", 200, (200, False), 200)],
)
async def test_the_matched_route_decides_about_authentication(
    client: httpx2.AsyncClient, path: str, auth: str, anonymous: int, known: tuple[int, bool], bad: int
) -> None:
    path = path.format(auth)
    assert (await client.get(path)).status_code == anonymous
    answer = await client.get(path, headers={"authorization": GOOD})
    assert (answer.status_code, answer.json()["known"]) == known
    assert (await client.get(path, headers=BAD)).status_code == bad


STRICT: Final = {
    b'{"a": 1, "a": 2}': "two members of one name",
    b'[{"a": {"b": 1, "b": 1}}]': "two members of one name",
    b'"\\ud800"': "half of a surrogate pair",
    b'{"\\udc00": 1}': "half of a surrogate pair",
    b"[NaN]": "JSON",
    b"[-Infinity]": "JSON",
    b"[1e400]": "beyond 64-bit floating point",
    b"[1" + b"0" * 400 + b".5]": "beyond 64-bit floating point",
    b"[" * 40 + b"]" * 40: "nested more than 32 levels",
    b'"\xff"': "not UTF-8",
    b"\xef\xbb\xbf[]": "JSON",
    b"[1,]": "JSON",
    b"{": "JSON",
}
"""Bodies that a route of ours refuses, or could not answer with."""


@pytest.mark.parametrize("body", STRICT, ids=range(len(STRICT)))
@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.example+json"])
@pytest.mark.parametrize("padding", [0, 8 * LIMIT], ids=["small", "large"])
async def test_json_is_as_strict_as_on_our_routes(client: httpx2.AsyncClient, body: bytes, content_type: str, padding: int) -> None:
    answer = await client.post("/api/v1/plain/rows", content=body + b" " * padding, headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-body")
    assert STRICT[body] in answer.json()["detail"]
    assert "parsing the body" not in answer.text  # FastAPI's words


@pytest.mark.parametrize("value", [{"a": [1.5, {"b": None}]}, "caf\u00e9 \U0001f600", 1e308, 10**400, [], "1e400"], ids=range(6))
async def test_json_that_is_valid_reaches_the_route_as_it_was_sent(client: httpx2.AsyncClient, value: Any) -> None:
    answer = await client.post("/api/v1/plain/rows", json=value)
    assert (answer.status_code, answer.json()) == (200, value)


async def test_an_empty_body_and_another_protocol_are_left_to_the_route(client: httpx2.AsyncClient) -> None:
    json = {"content-type": "application/json"}
    assert (await client.post("/api/v1/plain/large", content=chunks(0), headers=json)).json() == {"size": 0}
    assert (await client.post("/api/v1/plain/tus", content=b"{", headers=json)).json() == {"size": 1}


async def test_answers_are_not_stored_unless_the_route_says_so(harness: HttpHarness, client: httpx2.AsyncClient) -> None:
    for method, path in walked(harness.app):
        answer = await client.request(
            method, path, content=b'{"text": "a"}', headers={"authorization": GOOD, "content-type": "application/json"}
        )
        assert answer.headers.get_list("cache-control") == ["max-age=60" if path.endswith("/cached") else "no-store"], path


async def test_a_body_of_the_allowed_size_is_served(client: httpx2.AsyncClient) -> None:
    for content in (b"x" * 10 * LIMIT, chunks(10 * LIMIT)):
        assert (await client.post("/api/v1/plain/large", content=content)).json() == {"size": 10 * LIMIT}


async def test_a_plain_route_that_declares_a_login_is_limited_as_one(harness: HttpHarness, client: httpx2.AsyncClient) -> None:
    burst = SETTINGS.rate_limit.login_burst
    statuses = [(await client.post("/api/v1/plain/login")).status_code for _ in range(burst + 1)]
    assert statuses == [200] * burst + [429]


def test_the_document_states_the_authentication_and_no_options(harness: HttpHarness) -> None:
    openapi.install(harness.app, {1: harness.routers}, version="1", schemes=harness.schemes.all)
    document = harness.app.openapi()
    bearer = document["paths"]["/api/v1/ours/required"]["get"]["security"]
    found = {name: document["paths"][f"/api/v1/plain/{name}/{{id}}"]["get"] for name in (*AUTHS, "default")}
    assert {name: one["security"] for name, one in found.items()} == {
        "required": bearer, "optional": [*bearer, {}], "ignored": [], "default": [*bearer, {}],
    }  # fmt: skip
    assert "x-api-base" not in str(document)
    assert "413" in document["paths"]["/api/v1/plain/notes"]["post"]["responses"]


def test_the_document_names_each_method_of_a_route_and_its_refusals(harness: HttpHarness) -> None:
    class Mine(BaseModel):
        reason: str

    router = APIRouter()
    router.post("/mine", responses={422: {"model": Mine}})(named(keep, "post_mine"))
    harness = shell(outside(), ours(), router, settings=SETTINGS)
    openapi.install(harness.app, {1: harness.routers}, version="1", schemes=harness.schemes.all)
    paths = harness.app.openapi()["paths"]
    assert {method: one["operationId"] for method, one in paths["/api/v1/plain/several"].items()} == {
        "get": "several_get",
        "post": "several_post",
    }
    assert paths["/api/v1/plain/notes"]["post"]["responses"]["422"] == paths["/api/v1/ours/required"]["get"]["responses"]["422"]
    assert "422" not in paths["/api/v1/plain/login"]["post"]["responses"]
    assert "Mine" in str(paths["/api/v1/mine"]["post"]["responses"]["422"])


@pytest.mark.parametrize(("options", "why"), [({"limit": 1}, "no option limit"), ({"auth": "public"}, "auth='public'")])
def test_an_unknown_option_ends_the_start(options: dict[str, Any], why: str) -> None:
    router = APIRouter()
    router.get("/x", openapi_extra=extra(**options))(alone)
    with pytest.raises(ProgrammingError, match=why):
        shell(router)
