"""Bad queries, paths and headers: a problem that names what is wrong, never a 5xx, and nothing half-written."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import pytest

from tests.integration.bad_input import JSON, VALID, World, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUERIES: Mapping[str, str] = {
    "limit=0": "limit", "limit=201": "limit", "limit=abc": "limit", "limit=": "limit", "limit=-1": "limit", "limit=1.0": "limit",
    "limit=%D9%A3": "limit", "limit=" + "9" * 400: "limit", "limit=1&limit=2": "limit",
    "colour=red": "colour", "colour[eq]=red": "colour[eq]", "description=a": "description", "id=1": "id",
    "name[like]=a": "name[like]", "name[]=a": "name[]", "name[eq=a": "name[eq", "NAME=a": "NAME", "name[eq][ne]=a": "name[eq][ne]",
    "status[gt]=draft": "status[gt]", "status=lost": "status", "status[in]=draft,lost": "status[in]", "tags=wood": "tags",
    "created_at=yesterday": "created_at", "created_at[ge]=2026-02-30T00:00:00Z": "created_at[ge]",
    "created_at[ge]=2026-01-01T00:00:00": "created_at[ge]", "created_at[ge]=0000-01-01T00:00:00Z": "created_at[ge]",
    "created_at[lt]=9999-12-31T23:59:59-14:00": "created_at[lt]", "created_at=1": "created_at",
    "deleted_at[is_null]=maybe": "deleted_at[is_null]", "deleted_at[is_null]=": "deleted_at[is_null]",
    "price.amount[ge]=1": "price.amount[ge]", "price.amount[ge]=1.005&price.currency=EUR": "price.amount[ge]",
    "price.amount=1e3&price.currency=EUR": "price.amount", "price.amount=" + "9" * 30 + "&price.currency=EUR": "price.amount",
    "price.amount=1&price.currency=XXX9": "price.amount price.currency",
    "sort=colour": "sort", "sort=": "sort", "sort=name,": "sort", "sort=--name": "sort", "sort=name,-name": "sort", "sort=name%00": "sort",
    "sort=price.amount": "sort", "sort=status": "sort", "sort=" + ",".join(["name"] * 9): "sort", "sort=description": "sort",
    "fields=colour": "fields", "fields=": "fields", "fields=id,,name": "fields", "fields=id%00": "fields",
    "include_total=1": "include_total", "include_total=TRUE": "include_total",
    "q=": "q", "q=%20": "q", "q=a%00": "q", "q=" + "a" * 501: "q",
    "name=%00": "name", "name=%ff": "name", "name=%ed%a0%80": "name", "name=" + "a" * 501: "name", "name[in]=" + ",".join("abc" * 60): "name[in]",
    "cursor=": "cursor", "cursor=x": "cursor", "cursor=%00": "cursor", "cursor=" + "A" * 4097: "cursor", "cursor=%C3%A9": "cursor",
    "cursor=bnVsbA": "cursor", "cursor=W10": "cursor", "cursor=" + "W1tb" * 1000: "cursor",
    "a~b/c=1": "a~0b~1c",
}  # fmt: skip


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:50])
async def test_a_bad_query_is_named(world: World, query: str) -> None:
    await refused(world, 422, {f"/query/{name}" for name in QUERIES[query].split()}, "GET", f"/api/v1/items?{query}")


async def test_queries_are_bounded(world: World) -> None:
    await refused(world, 422, {"/query"}, "GET", "/api/v1/items?" + "&".join(f"name[ne]={n}" for n in range(21)))
    await refused(world, 422, {"/query"}, "GET", "/api/v1/items?" + "&".join(f"name[ne]={n}" for n in range(51)))
    await refused(world, 422, {"/query"}, "GET", "/api/v1/items?q=" + "a" * 16_400)


async def test_every_bad_parameter_is_named_at_once(world: World) -> None:
    pointers = {f"/query/{name}" for name in ("limit", "sort", "colour", "name[like]", "status")}
    await refused(world, 422, pointers, "GET", "/api/v1/items?limit=0&sort=colour&colour=red&name[like]=a&status=lost")


async def test_a_cursor_fits_nothing_but_its_own_list(world: World) -> None:
    for _ in range(3):
        await world.api.item(world.person)
    cursor = (await world.send("GET", "/api/v1/items?limit=1&sort=name")).json()["next_cursor"]
    assert (await world.send("GET", f"/api/v1/items?limit=1&sort=name&cursor={cursor}")).status_code == 200
    for query in ("limit=1", "limit=1&sort=-name", "limit=1&sort=sku", "limit=1&sort=name&status=draft", "limit=1&sort=name&q=Chair"):
        await refused(world, 422, {"/query/cursor"}, "GET", f"/api/v1/items?{query}&cursor={cursor}")
    for position in range(0, len(cursor), 7):
        await refused(
            world, 422, {"/query/cursor"}, "GET", f"/api/v1/items?limit=1&sort=name&cursor={cursor[:position]}*{cursor[position + 1 :]}"
        )


async def test_a_cursor_holds_sort_keys_which_a_client_may_choose(world: World) -> None:
    await world.api.item(world.person)
    await world.api.item(world.person)
    path = "/api/v1/items?limit=1&sort=name"
    mark, name, created, id = json.loads(decoded((await world.send("GET", path)).json()["next_cursor"]))
    for keys in ([name, created, id], ["Table", created, id], ["", created, str(uuid4())], [name, "1970-01-01T00:00:00+00:00", id]):
        assert (await world.send("GET", f"{path}&cursor={encoded([mark, *keys])}")).status_code == 200
    for keys in (
        [7, created, id],
        [name, "yesterday", id],
        [name, created, "x"],
        [name, created],
        [name, created, id, id],
        [None, None, None],
    ):
        await refused(world, 422, {"/query/cursor"}, "GET", f"{path}&cursor={encoded([mark, *keys])}")
    await refused(world, 422, {"/query/cursor"}, "GET", f"{path}&cursor={encoded([mark[::-1], name, created, id])}")


def decoded(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))


def encoded(keys: list[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).decode().rstrip("=")


@pytest.mark.parametrize("id", ["1", "not-a-uuid", "01a20e63", "{item}0", "%00", "%ff", "null", "x" * 3000])
@pytest.mark.parametrize(("method", "suffix"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/publish")])
async def test_a_bad_id_is_named(world: World, method: str, suffix: str, id: str) -> None:
    request = {"json": {"name": "a"}} if method == "PATCH" else {}
    await refused(world, 422, {"/path/id"}, method, f"/api/v1/items/{id}{suffix}", headers={"If-Match": "*"}, **request)


@pytest.mark.parametrize(
    "tag",
    ["", "v1", '"v1-json1', "v1-json1", '"v1-json1" "v2-json1"', "*,*", '"a",b', '"v1-json1","v2-json1"', ",".join(['"a"'] * 40), '"\t"'],
)
async def test_an_if_match_that_makes_no_sense_is_refused(world: World, tag: str) -> None:
    await refused(world, 400, set(), "PATCH", "/api/v1/items/{item}", json={"name": "a"}, headers={"If-Match": tag})
    await refused(world, 400, set(), "DELETE", "/api/v1/items/{item}", headers={"If-Match": tag})


@pytest.mark.parametrize(
    "tag", ['"v2-json1"', 'W/"v1-json1"', '""', '"x"', '"v1"', '"v0-json1"', '"v01x-json1"', '"v9999999999999-json1"', '"v-1-json1"']
)
async def test_an_if_match_of_another_version_is_stale(world: World, tag: str) -> None:
    await refused(world, 412, set(), "PATCH", "/api/v1/items/{item}", json={"name": "a"}, headers={"If-Match": tag})


@pytest.mark.parametrize("tag", ["", "garbage", '"a', '"a",b'])
async def test_an_if_none_match_that_makes_no_sense_is_refused(world: World, tag: str) -> None:
    await refused(world, 400, set(), "GET", "/api/v1/items/{item}", headers={"If-None-Match": tag})


async def test_an_empty_patch_changes_nothing(world: World) -> None:
    before = await world.rows()
    answer = await world.send("PATCH", "/api/v1/items/{item}", json={}, headers={"If-Match": '"v1-json1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"v1-json1"')
    assert await world.rows() == before


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer a b", "Bearer \xff", "bearer e30.e30.e30", "Bearer " + "a" * 20_000, "garbage"],
)
async def test_an_authorization_that_makes_no_sense_is_refused(world: World, authorization: str) -> None:
    headers = {"Authorization": authorization.encode("latin-1")}
    answer = await world.api.client.post("/api/v1/items", json={**VALID}, headers=headers)
    assert answer.status_code == 401, answer.text
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert await world.database.fetchval("select count(*) from items where sku = 'BAD-1'") == 0


@pytest.mark.parametrize(
    "name", ["traceparent", "tracestate", "X-Request-ID", "X-Forwarded-For", "Origin", "Accept", "Content-Length", "Cookie"]
)
@pytest.mark.parametrize("value", ["", "garbage", "\xff\xfe", "a" * 9000, "%00", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "-1"])
async def test_other_headers_that_make_no_sense_do_no_harm(world: World, name: str, value: str) -> None:
    answer = await world.send("GET", "/api/v1/items/{item}", headers={name: value.encode("latin-1")})
    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) <= 64


@pytest.mark.parametrize("length", ["0", "5", "99999", "-1", "garbage", str(2**70), "1" * 5000])
async def test_a_content_length_that_lies_is_not_believed(world: World, length: str) -> None:
    """A server in front cuts bodies at their length; the application counts the bytes that arrive."""
    sku = f"L-{uuid4()}"
    answer = await world.send(
        "POST",
        "/api/v1/items",
        content=json.dumps({**VALID, "sku": sku}).encode(),
        headers={"Content-Type": "application/json", "Content-Length": length},
    )
    assert answer.status_code == 201, answer.text


async def test_a_body_in_chunks_that_is_too_large_is_refused(world: World) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"sku": "BAD-1", "name": "'
        for _ in range(20):
            yield b"a" * 65_536
        yield b'"}'

    await refused(world, 413, set(), "POST", "/api/v1/items", content=chunks(), headers=JSON)


@pytest.mark.parametrize(
    "path", ["/api/v1/items/", "/api/v1//items", "/api/v1/items%2F", "/API/v1/items", "/api/v1/items/{item}/explode", "/%00", "/%ff"]
)
async def test_a_path_that_is_none_is_a_404(world: World, path: str) -> None:
    await refused(world, 404, set(), "GET", path)
