"""GraphQL over HTTP, on the whole application: media types, status codes, what is refused, and event streams."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESPONSE, JSON = "application/graphql-response+json", "application/json"
OK = {"query": "{ __typename }"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ana(api: Running) -> Person:
    return await api.person()


async def post(api: Running, body: Any, headers: dict[str, str] | None = None, accept: str | None = RESPONSE) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": JSON, **({} if accept is None else {"Accept": accept}), **(headers or {})}
    request = api.client.build_request("POST", "/graphql", content=content, headers=fields)
    if accept is None:
        del request.headers["accept"]
    return await api.client.send(request)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (RESPONSE, RESPONSE),
        (JSON, JSON),
        ("*/*", JSON),
        (None, JSON),
        ("application/*", JSON),
        (f"{RESPONSE}, {JSON}", RESPONSE),
        (f"{JSON}, {RESPONSE}", RESPONSE),
        (f"{RESPONSE};q=0.5, {JSON};q=0.9", JSON),
        (f"{RESPONSE};q=0, */*", JSON),
        (f"{RESPONSE}; charset=utf-8", RESPONSE),
        (f"{RESPONSE}; charset=latin1, {JSON}", JSON),
        ("text/html, */*;q=0.1", JSON),
    ],
)
async def test_accept_chooses_the_media_type(api: Running, ana: Person, accept: str | None, media_type: str) -> None:
    answer = await post(api, OK, ana.headers, accept)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "Accept" in answer.headers["vary"]
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["image/png", "text/html", f"{JSON};q=0", f"{RESPONSE}; charset=latin1"])
async def test_what_accepts_no_response_gets_406(api: Running, ana: Person, accept: str) -> None:
    answer = await post(api, OK, ana.headers, accept)
    assert answer.status_code == 406
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "SYNTAX"),
        ({"query": ""}, "SYNTAX"),
        ({"query": "{ unknown }"}, "VALIDATION"),
        ({"query": "query($id: ID!){ __typename item(id: $id){ id } }", "variables": {"id": None}}, None),
        ({"query": "query A { __typename } query B { __typename }"}, "BAD_REQUEST"),
        ({"query": "query A { __typename }", "operationName": "B"}, "BAD_REQUEST"),
        ({"query": "query A { __typename }", "variables": {"x": 1}}, "UNKNOWN_VARIABLE"),
        ({"query": "{" + "a: __typename " * 40 + "}"}, "LIMIT_EXCEEDED"),
        ({"documentId": "sha256:00"}, "UNKNOWN_DOCUMENT"),
    ],
)
async def test_request_errors_are_400_or_200_by_media_type(api: Running, ana: Person, body: dict[str, Any], code: str | None) -> None:
    for media_type, status in ((RESPONSE, 400), (JSON, 200)):
        answer = await post(api, body, ana.headers, media_type)
        assert answer.status_code == status
        assert set(answer.json()) == {"errors"}
        error = answer.json()["errors"][0]
        assert error["message"]
        assert error.get("extensions", {}).get("code") == code


@pytest.mark.parametrize(
    "body",
    [b"", b'{"query', b"[]", b"1", b'"a"', b"null", b"{}", b'{"query": 1}', b'{"query": null}', b'{"query": "{a}", "query": "{b}"}',
     b'{"query": "{a}", "variables": []}', b'{"query": "{a}", "variables": "{}"}', b'{"query": "{a}", "extensions": 1}',
     b'{"query": "{a}", "operationName": 1}', b'{"query": "{a}", "documentId": "x"}', b'{"query": "\xff"}',
     b'[{"query": "{ __typename }"}]', b'{"query": "{a}", "variables": {"a": ' + b"[" * 40 + b"]" * 40 + b"}}"],
)  # fmt: skip
@pytest.mark.parametrize("accept", [RESPONSE, JSON])
async def test_what_is_no_graphql_request_is_400(api: Running, ana: Person, body: bytes, accept: str) -> None:
    answer = await post(api, body, ana.headers, accept)
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith(accept)
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "application/graphql", "text/json"],
)
async def test_only_json_is_read_so_that_a_page_of_another_origin_cannot_send_it(api: Running, ana: Person, content_type: str) -> None:
    answer = await post(api, OK, {**ana.headers, "Content-Type": content_type})
    assert answer.status_code == 415


async def test_another_charset_is_refused(api: Running, ana: Person) -> None:
    assert (await post(api, OK, {**ana.headers, "Content-Type": f"{JSON}; charset=utf-16"})).status_code == 400
    assert (await post(api, OK, {**ana.headers, "Content-Type": f'{JSON}; charset="UTF-8"'})).status_code == 200


async def test_ten_megabytes_are_refused_unread(api: Running, ana: Person) -> None:
    answer = await post(api, {"query": "{ __typename }" + " " * 10_000_000}, ana.headers)
    assert answer.status_code == 413
    assert "errors" in answer.json()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_are_405(api: Running, ana: Person, method: str) -> None:
    answer = await api.client.request(method, "/graphql", headers=ana.headers)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def get(api: Running, headers: dict[str, str] | None = None, **query: str) -> httpx2.Response:
    return await api.client.get("/graphql", params=query, headers={"Accept": RESPONSE, **(headers or {})})


async def test_a_query_by_get(api: Running, ana: Person) -> None:
    answer = await get(
        api, ana.headers, query="query A($a: Boolean!) { __typename @include(if: $a) }", variables='{"a": true}', operationName="A"
    )
    assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize(
    "header",
    [{"Apollo-Require-Preflight": "true"}, {"X-Apollo-Operation-Name": "A"}, {"Content-Type": JSON}],
)
async def test_a_get_needs_a_header_that_forces_a_preflight(api: Running, header: dict[str, str]) -> None:
    assert (await get(api, query="{__typename}")).status_code == 400
    assert (await get(api, {"Content-Type": "text/plain"}, query="{__typename}")).status_code == 400
    assert (await get(api, header, query="{__typename}")).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"query": "{a}", "variables": "{"},
        {"query": "{a}", "variables": "[]"},
        {"query": "{a}", "unknown": "1"},
        {"query": "{a}", "variables": "[" * 40},
    ],
)
async def test_a_malformed_query_string_is_400(api: Running, ana: Person, query: dict[str, str]) -> None:
    answer = await get(api, ana.headers, **query)
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_an_anonymous_caller_is_bounded_as_others_and_reads_nothing(api: Running) -> None:
    assert (await post(api, OK)).status_code == 200
    answer = await post(api, {"query": "{ items { nodes { id } } }"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_invalid_token_is_401(api: Running) -> None:
    assert (await post(api, OK, {"Authorization": "Bearer x"})).status_code == 401


async def test_a_page_of_items(api: Running, ana: Person) -> None:
    answer = await post(api, {"query": "{ items(first: 5) { nodes { id name } pageInfo { hasNextPage } } }"}, ana.headers)
    assert answer.json() == {"data": {"items": {"nodes": [], "pageInfo": {"hasNextPage": False}}}}


async def test_an_event_stream_of_a_query_has_one_result(api: Running, ana: Person) -> None:
    answer = await post(api, OK, ana.headers, "text/event-stream")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text == ':\n\nevent: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata:\n\n'


async def test_an_event_stream_carries_refusals(api: Running, ana: Person) -> None:
    answer = await post(api, {"query": "{"}, ana.headers, "text/event-stream")
    assert answer.status_code == 200
    first, last = [one for one in answer.text.split("\n\n") if one.startswith("event")]
    assert json.loads(first.partition("data: ")[2])["errors"][0]["extensions"]["code"] == "SYNTAX"
    assert last.startswith("event: complete")


async def test_a_batch_is_bounded(shared_migrated: Urls) -> None:
    settings = settings_on(shared_migrated)
    allowed = settings.model_copy(update={"graphql": settings.graphql.model_copy(update={"batch": 3})})
    async with running(allowed) as api:
        ana = await api.person()
        answer = await post(api, [OK, {"query": "{"}], ana.headers)
        assert [set(one) for one in answer.json()] == [{"data"}, {"errors"}]
        for refused in ([OK] * 4, [OK] * 1000, [], [[OK]], [1]):
            assert (await post(api, refused, ana.headers)).status_code == 400
