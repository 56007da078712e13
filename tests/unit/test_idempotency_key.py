"""Idempotency-Key at the edge: what is one, which routes take one, and which requests are the same."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api_base.core import errors
from api_base.core.types import KeyedExecution, KeyedRequest, current_context
from api_base.interface.routes import OptionalVersion, RouteOptions, Router
from tests.http_harness import GOOD, PRINCIPAL, THING, ThingBody, ThingDTO, shell

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
PAGE = Path("docs/idempotency.md").read_text()
SEEN: list[KeyedRequest | None] = []


def routes() -> Router:
    """Routes that note the key that they are executed under, and one whose answer is a kept refusal."""
    router = Router(tags=["things"])

    def note() -> ThingDTO:
        origin = current_context.get().origin
        SEEN.append(origin.request if isinstance(origin, KeyedExecution) else None)
        return ThingDTO(id=THING, name="a", version=1)

    @router.post("/things/{name}", RouteOptions(sparse=True))
    async def create_thing(name: str, expected: OptionalVersion, body: ThingBody) -> ThingDTO:
        return note()

    @router.patch("/things/{name}", RouteOptions())
    async def update_thing(name: str) -> ThingDTO:
        return note()

    @router.delete("/things/{name}", RouteOptions())
    async def delete_thing(name: str) -> ThingDTO:
        return note()

    @router.get("/things/{name}", RouteOptions())
    async def get_thing(name: str) -> ThingDTO:
        return note()

    @router.post("/public", RouteOptions(auth="optional"))
    async def publish_thing() -> ThingDTO:
        return note()

    @router.post("/secrets", RouteOptions(replayable=False))
    async def create_secret() -> ThingDTO:
        return note()

    @router.post("/refused", RouteOptions())
    async def refuse_thing() -> ThingDTO:
        execution = current_context.get().origin
        assert isinstance(execution, KeyedExecution)
        execution.replayed = True
        raise errors.Conflict("as at first")

    @router.post("/running", RouteOptions())
    async def run_thing() -> ThingDTO:
        raise errors.RequestInProgress

    return router


async def send(path: str, *headers: tuple[str, str], method: str = "POST", body: Any = None) -> httpx2.Response:
    SEEN.clear()
    async with shell(routes()).client() as client:
        content = None if method in ("GET", "DELETE") else (body or b'{"name": "a"}')
        sent = [("Authorization", GOOD), ("Content-Type", "application/json"), *headers]
        raw = [(name.encode(), value.encode()) for name, value in sent]
        return await client.request(method, f"/api/v1{path}", headers=raw, content=content)


async def seen(path: str = "/things/a", headers: Mapping[str, str] | None = None, **changes: Any) -> KeyedRequest:
    answer = await send(path, *{"Idempotency-Key": KEY, **(headers or {})}.items(), **changes)
    assert answer.status_code == 200, answer.text
    (request,) = SEEN
    assert request is not None
    return request


async def test_a_key_counts_for_tenant_user_and_route() -> None:
    request = await seen()
    assert (request.tenant_id, request.user_id) == (PRINCIPAL.tenant_id, PRINCIPAL.user_id)
    assert request.route == "POST /api/v1/things/{name}"
    assert (await seen(method="PATCH")).route == "PATCH /api/v1/things/{name}"


async def test_quoted_or_bare_it_is_the_same_key() -> None:
    assert (await seen()) == await seen(headers={"Idempotency-Key": f'"{KEY}"'})
    assert (await seen()).key != (await seen(headers={"Idempotency-Key": "another"})).key


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/things/b"},
        {"body": b'{"name":"a"}'},
        {"body": b'{"name": "b"}'},
        {"headers": {"If-Match": '"v1-json1"'}},
        {"path": "/things/a?fields=name"},
        {"path": "/things/a?fields=name,id"},
    ],
    ids=["path", "bytes", "body", "condition", "fields", "more fields"],
)
async def test_another_request_has_another_fingerprint(other: dict[str, Any]) -> None:
    assert (await seen()).key == (await seen(**other)).key
    assert (await seen()).fingerprint != (await seen(**other)).fingerprint


async def test_what_does_not_change_the_request_does_not_change_its_fingerprint() -> None:
    assert (await seen()).fingerprint == (await seen(headers={"X-Request-ID": "another", "Accept": "*/*"})).fingerprint


async def test_neither_key_nor_body_can_be_guessed_from_what_is_kept() -> None:
    request = await seen()
    for text in (KEY.encode(), b'{"name": "a"}'):
        assert hashlib.blake2b(text, digest_size=32).digest() not in (request.key, request.fingerprint)
    assert request.fingerprint != (await seen(headers={"Idempotency-Key": "another"})).fingerprint


@pytest.mark.parametrize("malformed", ["", '"', '""', "a b", "a,b", '"a', "ä", '"a"b"', "x" * 256, '"' + "x" * 256 + '"'])
async def test_what_is_no_key_is_refused(malformed: str) -> None:
    answer = await send("/things/a", ("Idempotency-Key", malformed))
    assert (answer.status_code, answer.json()["type"], SEEN) == (400, "/problems/bad-request", [])


@pytest.mark.parametrize("character", [chr(code) for code in range(0x20, 0x7F)], ids=lambda character: f"U+{ord(character):04X}")
async def test_a_key_has_the_characters_that_the_page_names(character: str) -> None:
    bare, forbidden = re.search(r"letters, digits or characters of\n`(\S+)`", PAGE), re.search(r"except `(.)` and `(.)`", PAGE)
    assert bare is not None
    assert forbidden is not None
    for key, good in (
        (f"a{character}b", character.isalnum() or character in bare[1]),
        (f'"a{character}b"', character not in forbidden.groups()),
    ):
        answer = await send("/things/a", ("Idempotency-Key", key))
        assert answer.status_code == (200 if good else 400), key


async def test_two_keys_are_refused() -> None:
    assert (await send("/things/a", ("Idempotency-Key", "a"), ("Idempotency-Key", "a"))).status_code == 400


@pytest.mark.parametrize("path", ["/public", "/secrets"])
async def test_it_is_refused_where_it_cannot_be_kept(path: str) -> None:
    refused = await send(path, ("Idempotency-Key", KEY))
    assert (refused.status_code, refused.json()["type"], SEEN) == (400, "/problems/bad-request", [])
    assert (await send(path)).status_code == 200
    assert SEEN == [None]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_it_means_nothing_where_repeating_is_harmless(method: str) -> None:
    assert (await send("/things/a", ("Idempotency-Key", "no key, that"), method=method)).status_code == 200
    assert SEEN == [None]


async def test_a_refusal_that_was_kept_says_that_it_is_a_replay() -> None:
    refused = await send("/refused", ("Idempotency-Key", KEY))
    assert (refused.status_code, refused.headers["idempotency-replayed"]) == (409, "true")
    assert "idempotency-replayed" not in (await send("/things/a", ("Idempotency-Key", KEY))).headers


async def test_a_twin_is_told_when_to_come_again() -> None:
    running = await send("/running", ("Idempotency-Key", KEY))
    assert (running.status_code, running.headers["retry-after"]) == (409, "1")
    assert running.json()["type"] == "/problems/request-in-progress"


async def test_a_request_that_is_refused_before_it_is_executed_is_no_replay() -> None:
    refused = await send("/things/a", ("Idempotency-Key", KEY), body=b'{"name": ""}')
    assert (refused.status_code, refused.json()["errors"][0]["pointer"], SEEN) == (422, "/body/name", [])
    assert "idempotency-replayed" not in refused.headers
