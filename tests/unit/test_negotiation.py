"""Accept and Accept-Encoding [RFC 9110, section 12.5]: what the client takes is what it gets, or it learns that there is nothing of that kind."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import brotli
import httpx2
import pytest
import zstandard
from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Message

from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.compression import compressing
from api_base.interface.routes.negotiation import MAX_MEMBERS, accepts, content_coding
from api_base.interface.routes.rendering import ProtocolAnswer
from tests.http_harness import THING, ThingDTO, shell, things

ONE = f"/api/v1/things/{THING}"
LARGE = "chair " * 400


def decoded(answer: httpx2.Response, raw: bytes) -> bytes:
    """The content as another program decodes it."""
    coding = answer.headers.get("content-encoding")
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(raw)
    decoders: dict[str | None, Any] = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}
    return bytes(decoders[coding](raw))


async def ask(app: ASGIApp, url: str, method: str = "GET", **headers: str) -> tuple[httpx2.Response, bytes]:
    """Return the response, and its content as it was sent."""
    transport = httpx2.ASGITransport(app=app)
    sent = {"accept-encoding": ""} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        httpx2.AsyncClient(transport=transport, base_url="http://api.test") as client,
        client.stream(method, url, headers=sent) as answer,
    ):
        raw = b"".join([part async for part in answer.aiter_raw()])
    return answer, raw


def large() -> Router:
    router = Router(prefix="/large")

    @router.get("", RouteOptions(auth="optional"))
    async def read_large() -> ThingDTO:
        return ThingDTO(id=THING, name=LARGE, version=3)

    @router.get("/versioned", RouteOptions(auth="optional", versioned=True, sparse=True))
    async def read_versioned() -> ThingDTO:
        return ThingDTO(id=THING, name=LARGE, version=3)

    @router.get("/secret", RouteOptions(auth="optional", replayable=False))
    async def read_secret() -> ThingDTO:
        return ThingDTO(id=THING, name=LARGE, version=3)

    @router.get("/cookie", RouteOptions(auth="optional"))
    async def read_cookie() -> ProtocolAnswer:
        return ProtocolAnswer(status=200, content={"a": LARGE}, headers=[(b"set-cookie", b"a=b")])

    @router.get("/picture", RouteOptions(auth="optional"))
    async def read_picture() -> ProtocolAnswer:
        return ProtocolAnswer(status=200, content={"a": LARGE}, media_type=b"image/png")

    return router


def plain() -> APIRouter:
    router = APIRouter(prefix="/plain")

    @router.get("/page")
    async def page() -> Response:
        return PlainTextResponse(LARGE, headers={"cache-control": "no-cache", "etag": '"a"'})

    @router.get("/secret")
    async def secret() -> Response:
        return JSONResponse({"token": LARGE})

    @router.get("/streamed")
    async def streamed() -> Response:
        async def parts() -> AsyncIterator[str]:
            for number in range(5):
                yield f"{number}: {LARGE}"

        return StreamingResponse(parts(), media_type="text/csv", headers={"cache-control": "no-cache"})

    @router.get("/events")
    async def events() -> Response:
        return PlainTextResponse(LARGE, headers={"cache-control": "no-cache"}, media_type="text/event-stream")

    return router


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("*/*", True), ("application/json", True), ("application/*", True), ("APPLICATION/JSON", True), ("text/html, */*;q=0.1", True),
        ("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", True), ("application/json;q=0.001", True), ("", True), (" ", True),
        ("application/json; charset=utf-8", True), ("text/html", False), ("application/json;q=0", False), ("application/json;q=0.000, */*", False),
        ("application/*;q=0, */*", False), ("text/*", False), ("application/problem+json", False), ("application/json;q=x", False),
        ("application/json;q=-1", False), ("application/json;q=1e0", False), ("application/json; charset=latin-1", False), (",", True), ("garbage", True), ("-1", True), ("garbage, text/html", False),
        ("application/jsonx, application/js", False), (",".join(["a/b"] * MAX_MEMBERS) + ",*/*", False),
    ],
)  # fmt: skip
async def test_json_is_sent_to_those_who_take_it(accept: str, taken: bool) -> None:
    here = shell(things())
    for method, path in (("GET", ONE), ("GET", "/api/v1/things"), ("PATCH", ONE), ("POST", "/api/v1/things")):
        headers = {"accept": accept, "content-type": "application/json", "if-match": "*"}
        async with here.client() as client:
            answer = await client.request(method, path, headers=headers, content=b'{"name": "b"}' if method != "GET" else None)
        assert answer.is_success == taken, answer.text
        if not taken:
            assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
            assert answer.json()["type"] == "/problems/not-acceptable"


async def test_what_sends_nothing_is_acceptable_to_all() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.delete(ONE, headers={"accept": "text/html", "if-match": "*"})
    assert answer.status_code == 204


async def test_several_lines_are_one_list() -> None:
    here = shell(things())
    async with here.client() as client:
        request = client.build_request("GET", ONE)
        request.headers = httpx2.Headers([("accept", "text/html"), ("accept", "application/json"), ("host", "api.test")])
        assert (await client.send(request)).status_code == 200


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "zstd"), ("gzip, deflate, br", "br"), ("gzip, deflate", "gzip"), ("x-gzip", "gzip"), ("*", "zstd"),
        ("gzip;q=1.0, br;q=0.9", "gzip"), ("zstd;q=0, *;q=0.5", "br"), ("identity, gzip;q=0.5", None), ("identity;q=0.5, gzip", "gzip"),
        ("deflate", None), ("identity", None), ("gzip;q=0", None), ("GZIP", "gzip"), ("gzip;q=high", None), ("", None), ("compress, *;q=0", None),
    ],
)  # fmt: skip
async def test_the_coding_is_the_one_that_the_client_prefers(accepted: str, chosen: str | None) -> None:
    assert content_coding(accepted.encode()) == chosen
    here = shell(large())
    answer, raw = await ask(here.app, "/api/v1/large", accept_encoding=accepted)
    assert answer.headers.get("content-encoding") == chosen
    assert int(answer.headers["content-length"]) == len(raw)
    assert decoded(answer, raw) == (await ask(here.app, "/api/v1/large"))[1]
    assert "content-encoding" not in (await ask(here.app, ONE))[0].headers


async def test_small_content_secrets_cookies_and_what_is_compressed_are_sent_as_they_are() -> None:
    here = shell(large(), things(), plain())
    for path in (ONE, *(f"/api/v1/{name}" for name in ("large/secret", "large/cookie", "large/picture", "plain/secret", "plain/events"))):
        answer, raw = await ask(here.app, path, accept_encoding="gzip, br, zstd")
        assert (answer.status_code, "content-encoding" in answer.headers) == (200, False), path
        assert raw == (await ask(here.app, path))[1]


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_a_coded_representation_has_a_tag_of_its_own(coding: str) -> None:
    here = shell(large())
    answer, _ = await ask(here.app, "/api/v1/large/versioned", accept_encoding=coding)
    assert answer.headers["etag"] == f'"v3-json1.{coding}"'
    assert "accept-encoding" in answer.headers.get_list("vary")
    sparse, _ = await ask(here.app, "/api/v1/large/versioned?fields=name", accept_encoding=coding)
    assert sparse.headers["etag"] != answer.headers["etag"]
    for tag in (answer.headers["etag"], f"W/{answer.headers['etag']}", f'"x", {answer.headers["etag"]}'):
        again, raw = await ask(here.app, "/api/v1/large/versioned", accept_encoding=coding, if_none_match=tag)
        assert (again.status_code, raw, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    other, _ = await ask(here.app, "/api/v1/large/versioned", accept_encoding=coding, if_none_match=sparse.headers["etag"])
    assert other.status_code == 200
    head, nothing = await ask(here.app, "/api/v1/large/versioned", method="HEAD", accept_encoding=coding)
    assert (dict(head.headers), nothing) == (dict(answer.headers) | {"x-request-id": head.headers["x-request-id"], "traceparent": head.headers["traceparent"], "ratelimit": head.headers["ratelimit"]}, b"")  # fmt: skip


@pytest.mark.parametrize("coding", ["zstd", "br", "gzip"])
async def test_plain_routes_compress_what_may_be_stored(coding: str) -> None:
    here = shell(plain())
    answer, raw = await ask(here.app, "/api/v1/plain/page", accept_encoding=coding)
    assert (answer.headers["content-encoding"], answer.headers["etag"], decoded(answer, raw)) == (coding, 'W/"a"', LARGE.encode())
    assert (int(answer.headers["content-length"]), "accept-encoding" in answer.headers.get_list("vary")) == (len(raw), True)
    assert len(raw) < len(LARGE) / 10
    head, nothing = await ask(here.app, "/api/v1/plain/page", method="HEAD", accept_encoding=coding)
    assert (head.headers["content-encoding"], nothing) == (coding, b"")
    streamed, raw = await ask(here.app, "/api/v1/plain/streamed", accept_encoding=coding)
    assert (streamed.headers["content-encoding"], "content-length" in streamed.headers) == (coding, False)
    assert decoded(streamed, raw) == "".join(f"{number}: {LARGE}" for number in range(5)).encode()


async def test_an_event_stream_begins_before_its_first_event() -> None:
    sent: list[str] = []

    async def keep(message: Message) -> None:
        sent.append(message["type"])

    send = compressing(keep, b"gzip")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/event-stream")]})
    assert sent == ["http.response.start"]


def test_a_range_of_a_kind_is_overruled_by_one_of_the_type() -> None:
    assert accepts("application/*;q=0, application/json", "application/json")
    assert not accepts("application/json;q=0, application/*", "application/json")


@pytest.mark.parametrize(
    ("media_type", "smaller"),
    [
        *(
            (one, True)
            for one in (b"text/plain", b"text/csv; charset=utf-8", b"Text/HTML", b"application/json", b"application/problem+json")
        ),
        *((b"application/" + one, True) for one in (b"javascript", b"jsonl", b"xml", b"x-ndjson")),
        *((one, True) for one in (b"image/svg+xml", b"application/vnd.api+json")),
        *((one, False) for one in (b"image/png", b"application/octet-stream", b"application/zip", b"text/event-stream", b"", b"video/mp4")),
    ],
)
async def test_text_is_compressed_and_nothing_that_is_compressed_already(media_type: bytes, smaller: bool) -> None:
    for size, more, coded in ((1023, False, False), (1024, False, smaller), (1, True, smaller)):
        sent: list[Message] = []

        async def keep(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        send = compressing(keep, b"gzip")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", media_type), (b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"x" * size, "more_body": more})
        headers = dict(sent[0]["headers"])
        assert (headers.get(b"content-encoding") == b"gzip", len(sent)) == (coded, 2)
        assert (headers.get(b"content-length") == b"1") is not coded
