"""What a route declares is what it does: versions, conditions, locations, sparse fields, bodies."""

import pytest
from fastapi import APIRouter

from api_base.application.common.cqrs import Cacheable, Query
from api_base.core.errors import ProgrammingError
from api_base.core.types import cache_remaining
from api_base.interface.errors.http import BadRequest
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.etags import NEVER, entity_tag, expected_version, matches, sparse_tag
from tests.http_harness import THING, ThingDTO, settings, shell, things

ONE = f"/api/v1/things/{THING}"
TAG = '"v3-json1"'

SEVENTH = entity_tag() % 7


async def test_a_versioned_answer_has_a_tag_and_spares_who_has_it() -> None:
    here = shell(things())
    async with here.client() as client:
        full = await client.get(ONE)
        again = await client.get(ONE, headers={"if-none-match": f'"x", W/{full.headers["etag"]}'})
        other = await client.get(ONE, headers={"if-none-match": '"v2-json1"'})
    assert (full.status_code, full.headers["etag"], full.json()["version"]) == (200, TAG, 3)
    assert full.headers["content-type"] == "application/json"
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", TAG)
    assert "content-length" not in again.headers
    assert other.status_code == 200


async def test_sparse_fields_are_another_representation() -> None:
    here = shell(things())
    async with here.client() as client:
        some = await client.get(ONE, params={"fields": "name"})
        full = await client.get(ONE, headers={"if-none-match": some.headers["etag"]})
        page = await client.get("/api/v1/things", params={"fields": "id,version"})
        unknown = await client.get(ONE, params={"fields": "name,colour"})
    assert some.json() == {"name": "a"}
    assert full.status_code == 200
    assert page.json()["items"] == [{"id": str(THING), "version": 3}]
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/query/fields")
    assert "colour" in unknown.text


async def test_unknown_query_parameters_are_refused() -> None:
    here = shell(things())
    async with here.client() as client:
        answers = [await client.get(path) for path in (f"{ONE}?colour=red", "/api/v1/things?colour=red", "/api/v1/things?name[near]=x")]
    assert [answer.status_code for answer in answers] == [422, 422, 422]


async def test_what_is_created_has_a_place_and_a_tag() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.post("/api/v1/things", json={"name": "b"})
    assert (answer.status_code, answer.headers["location"], answer.headers["etag"]) == (201, ONE, '"v1-json1"')


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        (None, 428),
        ("v3", 400),
        ('"v3', 400),
        ("", 400),
        ('"v2-json1"', 412),
        ('W/"v3-json1"', 412),
        ('"foreign"', 412),
        (TAG, 200),
        ("*", 200),
    ],
)
async def test_changes_are_conditional(tag: str | None, status: int) -> None:
    here = shell(things())
    headers = {} if tag is None else {"if-match": tag}
    async with here.client() as client:
        answer = await client.patch(ONE, json={"name": "b"}, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers.get("etag") == ('"v4-json1"' if status == 200 else None)


async def test_deleting_shows_nothing() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.delete(ONE, headers={"if-match": "*"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


async def test_head_is_get_without_its_body() -> None:
    here = shell(things())
    async with here.client() as client:
        got, head = await client.get(ONE), await client.head(ONE)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
    assert head.headers["etag"] == TAG


async def test_a_deprecated_route_says_so() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get("/api/v1/things/old/one")
    assert answer.headers["deprecation"] == "@1700000000"
    assert answer.headers["sunset"] == "Fri, 01 Jan 2100 00:00:00 GMT"
    assert answer.headers["link"] == '</api/v1/things>; rel="successor-version"'
    assert answer.headers["cache-control"] == "private, max-age=5"


async def test_a_route_is_gone_after_its_sunset() -> None:
    here = shell(things())
    async with here.client() as client:
        answers = [await client.post("/api/v1/things/ended", json=body) for body in ({"name": "a"}, {})]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (410, "application/problem+json")
        assert answer.json()["type"] == "/problems/gone"
        assert answer.json()["detail"] == "The route ended on 2023-11-14. Use /api/v1/things instead."
        assert answer.headers["link"] == '</api/v1/things>; rel="successor-version"'
        assert answer.headers["sunset"] == "Tue, 14 Nov 2023 22:13:20 GMT"


async def test_answers_are_not_stored_unless_declared() -> None:
    here = shell(things())
    async with here.client() as client:
        assert (await client.get(ONE)).headers["cache-control"] == "no-store"


STRANGE = dict.fromkeys(("{}", "{id}", "%7B%7D", "%00", "%ff", "%0d%0aX: 1", "a" * 4000), 422) | dict.fromkeys(("/", ".."), 404)
"""What stands in the place of an id, and the status: no UUID, or another path, which does not exist."""


@pytest.mark.parametrize("segment", STRANGE)
async def test_strange_path_values_are_refused_not_stumbled_over(segment: str) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.get(f"/api/v1/things/{segment}")
    assert answer.status_code == STRANGE[segment], answer.text


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/merge-patch+json", 200),
        ("Application/JSON; charset=utf-8", 200),
        ("text/plain", 415),
        ("application/xml", 415),
        ("", 415),
    ],
)
async def test_a_patch_takes_merge_patches_and_json(content_type: str, status: int) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.patch(ONE, content=b'{"name": "b"}', headers={"if-match": "*", "content-type": content_type})
    assert answer.status_code == status


async def test_a_post_takes_no_merge_patch() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.post("/api/v1/things", content=b'{"name": "b"}', headers={"content-type": "application/merge-patch+json"})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"name": }', b"\xff\xfe", b'{"name": "\xff"}', b'{"name": "a"} x', b'{"name": "\\ud800"}', b"nul"]
)
async def test_what_cannot_be_parsed_is_400(raw: bytes) -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.post("/api/v1/things", content=raw, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-body")


@pytest.mark.parametrize(("depth", "status"), [(30, 201), (31, 201), (32, 400), (100_000, 400)])
async def test_bodies_are_bounded_in_depth(depth: int, status: int) -> None:
    here = shell(things())
    async with here.client() as client:
        body = b'{"name": "b", "parts": ' + b"[" * depth + b"]" * depth + b"}"
        answer = await client.post("/api/v1/things", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status


async def test_brackets_in_strings_are_not_depth() -> None:
    here = shell(things())
    async with here.client() as client:
        for text in ("[" * 100, '"[' * 100, "\\" * 99 + "[" * 50):
            answer = await client.post("/api/v1/things", json={"name": "b", "parts": [text] * 3})
            assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(("size", "status"), [(1024, 201), (1025, 413), (5000, 413), (20_000, 413)])
async def test_bodies_are_bounded_in_size(size: int, status: int, streamed: bool) -> None:
    here = shell(things(), settings=settings(server={"max_body_bytes": 1024}))
    start, end = b'{"name": "b", "parts": ["', b'"]}'
    body = start + b"x" * (size - len(start) - len(end)) + end

    async def chunks():  # type: ignore[no-untyped-def]
        for i in range(0, len(body), 100):
            yield body[i : i + 100]

    async with here.client() as client:
        answer = await client.post("/api/v1/things", content=chunks() if streamed else body, headers={"content-type": "application/json"})
    assert answer.status_code == status
    if status == 413:
        assert answer.json()["type"] == "/problems/body-too-large"


def test_a_parameter_that_is_nothing_known_is_refused_at_start() -> None:
    router = Router()

    @router.get("/x", RouteOptions())
    async def x(limit: dict[str, int]) -> None: ...

    with pytest.raises(ProgrammingError, match="limit"):
        shell(router)


def test_a_placeholder_without_a_parameter_is_refused_at_start() -> None:
    router = Router()

    @router.get("/x/{id}", RouteOptions())
    async def x() -> None: ...

    with pytest.raises(ProgrammingError, match="id"):
        shell(router)


@pytest.mark.parametrize("outer", [APIRouter(prefix="/outer"), Router(prefix="/outer")])
def test_a_router_of_ours_within_another_is_refused_at_start(outer: APIRouter) -> None:
    outer.include_router(things())
    with pytest.raises(ProgrammingError, match=r"/api/v1/outer"):
        shell(outer)


def test_tags_compare_as_the_rfc_says() -> None:
    assert expected_version("*") is None
    assert expected_version('"v7-json1"') == 7
    assert expected_version('"other", "v7-json1.0a"') == 7
    assert expected_version('W/"v7-json1"') == NEVER
    assert matches('W/"v7-json1"', SEVENTH)
    assert matches("*", SEVENTH)
    assert not matches('"v71-json1"', SEVENTH)
    assert len({SEVENTH, sparse_tag(SEVENTH, ["id"]), sparse_tag(SEVENTH, ["id", "name"]), entity_tag(2) % 7}) == 4


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (',"v7-json1"', True),
        ('"v7-json1",', True),
        (' , "other",\t, "v7-json1" ,,', True),
        ('"a,b", "v7-json1"', True),
        ('"a,\xe9", W/"v7-json1"', True),
        ('"a,"v7-json1"', None),
        ('"v7-json1" "v8-json1"', None),
        ('w/"v7-json1"', None),
        ('*, "v7-json1"', None),
        ("v7-json1", None),
        (",", None),
        ("", None),
        ("," * 5000, None),
        ('"a,b"', False),
    ],
)
def test_a_list_of_tags_is_read_as_the_rfc_says(value: str, found: bool | None) -> None:
    """Elements may be empty [RFC 9110, section 5.6.1.2], and tags may contain commas [section 8.8.3]."""
    if found is not None:
        assert matches(value, SEVENTH) is found
        return
    with pytest.raises(BadRequest, match="If-None-Match is not a list of entity tags"):
        matches(value, SEVENTH)
    with pytest.raises(BadRequest, match="If-Match is not a list of entity tags"):
        expected_version(value)


def test_a_condition_has_at_most_32_tags() -> None:
    tags = [f'"v{number}-json1"' for number in range(33)]
    assert matches(",".join(tags[:32]), tags[31])
    with pytest.raises(BadRequest, match="If-None-Match is not a list of entity tags"):
        matches(",".join(tags), tags[32])


async def test_options_of_a_path_are_its_methods_and_are_not_stored() -> None:
    here = shell(things())
    async with here.client() as client:
        answer = await client.options(ONE)
        refused = await client.put(ONE)
    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (204, b"", "no-store")
    assert {"GET", "HEAD", "OPTIONS"} <= {*answer.headers["allow"].split(", ")}
    assert (refused.status_code, refused.headers["allow"]) == (405, answer.headers["allow"])


class KeptThing(Query[ThingDTO]):
    cacheable = Cacheable.BY_USER
    staleness = 60.0


@pytest.mark.parametrize(
    ("remaining", "status", "age"), [(None, "api-base; fwd=miss", None), (40.0, "api-base; hit; ttl=40", "20")], ids=["new", "kept"]
)
async def test_an_answer_to_a_cacheable_query_says_where_it_came_from(remaining: float | None, status: str, age: str | None) -> None:
    router = Router()

    @router.get("/kept", RouteOptions(auth="optional", query=KeptThing))
    async def kept_thing() -> ThingDTO:
        if remaining is not None:
            cache_remaining.set(remaining)
        return ThingDTO(id=THING, name="a", version=3)

    async with shell(router).client() as client:
        answer = await client.get("/api/v1/kept")
    assert (answer.status_code, answer.headers["cache-status"], answer.headers.get("age")) == (200, status, age)
