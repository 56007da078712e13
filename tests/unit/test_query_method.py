"""QUERY [RFC 10008]: the content is the query string of GET, as a form or as JSON, and what is wrong with it is located in it."""

import json
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import Depends

from api_base.application.common.listing import ORDER, TEXT, Field, Fields, ListRequest, Page
from api_base.domain.common.specification import Specification
from api_base.interface.listing import OF_CONTENT
from api_base.interface.routes import ListQuery, RouteOptions, Router
from tests.http_harness import GOOD, THING, ThingDTO, settings, shell

FORM = "application/x-www-form-urlencoded"
URL = "/api/v1/things"
FIELDS = Fields(
    Field(name="name", kind=str, operators=TEXT, sortable=True),
    Field(name="version", kind=int, operators=ORDER, sortable=True),
    default_sort=(),
)


class Asked:
    """Keeps the request of each list that was asked for."""

    def __init__(self, **options: Any) -> None:
        self.requests: list[ListRequest] = []
        router = Router(prefix="/things")

        @router.get("", RouteOptions(sparse=True, **({"auth": "optional"} | options)))
        async def list_things(request: Annotated[ListRequest, Depends(ListQuery(FIELDS, searchable=True))]) -> Page[ThingDTO]:
            self.requests.append(request)
            return Page(items=[ThingDTO(id=THING, name="a", version=3)], next_cursor=None)

        @router.get("/{id}", RouteOptions(auth="optional"))
        async def get_thing(id: UUID) -> ThingDTO:
            return ThingDTO(id=id, name="a", version=3)

        self.shell = shell(router)

    async def get(self, query: str) -> httpx2.Response:
        async with self.shell.client() as client:
            return await client.get(f"{URL}?{query}")

    async def query(
        self, content: str | bytes, media_type: str | None = "application/json", url: str = URL, **headers: str
    ) -> httpx2.Response:
        sent = headers if media_type is None else {"content-type": media_type, **headers}
        async with self.shell.client() as client:
            return await client.request("QUERY", url, content=content, headers=sent)

    async def same(self, content: Any, query: str, media_type: str = "application/json") -> Specification[Any] | None:
        """Ask in both ways; the same is asked for."""
        sent = content if isinstance(content, str) else json.dumps(content)
        by_content, by_url = await self.query(sent, media_type), await self.get(query)
        assert (by_content.status_code, by_content.content) == (by_url.status_code, by_url.content) == (200, by_url.content)
        assert self.requests[-2] == self.requests[-1]
        return self.requests[-1].specification


def errors(answer: httpx2.Response) -> list[tuple[str, str]]:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    assert answer.headers["accept-query"] == f"application/json, {FORM}"
    return [(one["pointer"], one["code"]) for one in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("content", "query"),
    [
        ({}, ""),
        ({"name": "a b&c=d"}, "name=a+b%26c%3Dd"),
        ({"version": 3}, "version=3"),
        ({"version": {"ge": 2, "lt": 9.0}, "limit": 2}, "version[ge]=2&version[lt]=9&limit=2"),
        ({"name": {"in": ["a,b", "c\\", "ä"]}}, "name[in]=a\\,b,c\\\\,%C3%A4"),
        ({"version": {"in": [1, 2]}}, "version[in]=1,2"),
        ({"sort": ["-version", "name"], "q": "chair", "include_total": True}, "sort=-version,name&q=chair&include_total=true"),
        ({"sort": "-version", "fields": ["id"]}, "sort=-version&fields=id"),
        ({"fields": ["id", "name"]}, "fields=id,name"),
    ],
)
async def test_json_says_what_a_query_string_says(content: Any, query: str) -> None:
    await Asked().same(content, query)


async def test_a_form_is_a_query_string() -> None:
    query = "version[ge]=2&name[in]=a,b&sort=name&limit=5&fields=id"
    assert await Asked().same(query, query, FORM) is not None
    assert await Asked().same("", "", FORM) is None


async def test_parameters_of_the_url_are_added() -> None:
    asked = Asked()
    assert (await asked.query('{"version": {"ge": 2}}', url=f"{URL}?name=a")).status_code == 200
    assert (await asked.get("version[ge]=2&name=a")).status_code == 200
    assert asked.requests[0].fingerprint == asked.requests[1].fingerprint
    twice = await asked.query('{"limit": 2}', url=f"{URL}?limit=3")
    assert errors(twice) == [("/body/limit", "repeated")]
    of_url = await asked.query("{}", url=f"{URL}?colour=red")
    assert errors(of_url) == [("/query/colour", "unknown_field")]


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ({"colour": "red", "version": {"near": 1}}, ["/body/colour", "/body/version/near"]),
        ({"version": {"ge": 10**19}, "limit": 0, "sort": ["size"]}, ["/body/version/ge", "/body/limit", "/body/sort"]),
        ({"version": {"ge": "x"}}, ["/body/version/ge"]),
        ({"name": None}, ["/body/name"]),
        ({"name": {}, "limit": {}, "cursor": {}, "sort": {}}, ["/body/limit", "/body/cursor", "/body/sort"]),
        ({"name": 5, "version": "3", "limit": "2", "q": True}, ["/body/name", "/body/version", "/body/limit", "/body/q"]),
        ({"version": {"eq": 1.5, "ge": True}, "include_total": "true"}, ["/body/version/eq", "/body/version/ge", "/body/include_total"]),
        ({"name": {"in": "a,b"}, "version": {"in": ["1"]}}, ["/body/name/in", "/body/version/in"]),
        ({"sort": [1]}, ["/body/sort"]),
        ({"name": ["a"]}, ["/body/name"]),
        ({"name": {"eq": ["a"], "in": [None]}}, ["/body/name/eq", "/body/name/in"]),
        ({"name": {"in": [["a"]]}}, ["/body/name/in"]),
        ({"sort": {"by": {"a": 1}}}, ["/body/sort/by"]),
        ({"a/b~c": 1}, ["/body/a~1b~0c"]),
        ({"name": {"in": ["a"] * (OF_CONTENT.members + 1)}}, ["/body/name/in"]),
        ({"name": {"in": ["a" * 501]}}, ["/body/name/in"]),
        ({"name": "a" * 501}, ["/body/name"]),
        ({"name": "a\0"}, ["/body/name"]),
        ({f"name[{number}]": "a" for number in range(OF_CONTENT.parameters + 1)}, ["/body"]),
        ({"fields": ["size"]}, ["/body/fields"]),
        ([], ["/body"]),
        ("text", ["/body"]),
        (None, ["/body"]),
    ],
)
async def test_what_is_wrong_is_located_in_json(content: Any, pointers: list[str]) -> None:
    asked = Asked()
    assert [pointer for pointer, _ in errors(await asked.query(json.dumps(content)))] == pointers
    assert not asked.requests


@pytest.mark.parametrize(
    ("content", "pointers"),
    [
        ("colour=red&version[ge]=x", ["/body/colour", "/body/version[ge]"]),
        ("name=%ff", ["/body"]),
        ("&".join(["name=a"] * (OF_CONTENT.parameters + 1)), ["/body"]),
        ("name=a&name=b", ["/body/name"]),
    ],
)
async def test_what_is_wrong_is_located_in_a_form(content: str, pointers: list[str]) -> None:
    assert [pointer for pointer, _ in errors(await Asked().query(content, FORM))] == pointers


async def test_more_fits_than_into_a_url() -> None:
    asked = Asked()
    many = [f"{number:060}" for number in range(OF_CONTENT.members)]
    assert (await asked.query(json.dumps({"name": {"in": many}}))).status_code == 200
    assert (await asked.get(f"name[in]={','.join(many)}")).status_code == 422
    assert (await asked.query("&".join(f"version[ge]={number}" for number in range(OF_CONTENT.filters)), FORM)).status_code == 200
    assert errors(await asked.query("&".join(f"version[ge]={number}" for number in range(OF_CONTENT.filters + 1)), FORM)) == [
        ("/body", "too_many")
    ]
    large = await asked.query("name=" + "a" * OF_CONTENT.query, FORM)
    assert (large.status_code, large.json()["type"]) == (413, "/problems/body-too-large")


@pytest.mark.parametrize("media_type", [None, "", "text/plain", "application/jsonpath", "multipart/form-data"])
async def test_another_media_type_is_refused_with_those_there_are(media_type: str | None) -> None:
    refused = await Asked().query("{}", media_type)
    assert (refused.status_code, refused.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert refused.headers["accept-query"] == f"application/json, {FORM}"


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": "a", "name": "b"}', b"\xff", b'{"a":' * 40 + b"1" + b"}" * 40])
async def test_what_is_no_json_is_refused(content: bytes) -> None:
    refused = await Asked().query(content)
    assert (refused.status_code, refused.json()["type"]) == (400, "/problems/malformed-body")


async def test_lists_say_that_they_can_be_queried_and_other_routes_cannot() -> None:
    asked = Asked()
    async with asked.shell.client() as client:
        listed, one = await client.get(URL), await client.get(f"{URL}/{THING}")
        refused = await client.request("QUERY", f"{URL}/{THING}", content="{}", headers={"content-type": "application/json"})
        traced = await client.request("TRACE", URL)
    assert listed.headers["accept-query"] == f"application/json, {FORM}"
    assert "accept-query" not in one.headers
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (traced.status_code, traced.headers["allow"]) == (405, "GET, HEAD, OPTIONS, QUERY")


async def test_the_content_is_read_only_for_those_who_may_ask() -> None:
    asked = Asked(auth="required")
    anonymous = await asked.query("a" * OF_CONTENT.query * 2)
    assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, 'Bearer realm="api"')
    assert (await asked.query("{}", authorization=GOOD)).status_code == 200


async def test_a_page_of_another_origin_may_ask_in_advance() -> None:
    here = shell(settings=settings(server={"cors_origins": ["https://app.example"]}))
    async with here.client() as client:
        answer = await client.options(URL, headers={"origin": "https://app.example", "access-control-request-method": "QUERY"})
    assert "QUERY" in answer.headers["access-control-allow-methods"].split(", ")
    assert "Content-Type" in answer.headers["access-control-allow-headers"].split(", ")


async def test_a_page_has_fifty_results_unless_another_number_is_asked_for() -> None:
    asked = Asked()
    await asked.same({}, "")
    await asked.same({"limit": 7}, "limit=7")
    assert [one.limit for one in asked.requests] == [50, 50, 7, 7]
