"""The id of what is another's is answered as one that nothing has: status, headers and body, byte for byte.

But for the ids of the request itself: `X-Request-ID` is sent, and the same each time; a `traceparent` is new with each answer. And what is
left of a limit: each request counts.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from itertools import count, product
from typing import Any
from uuid import uuid4

import httpx2
import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Person, Running, running, settings_on
from tests.architecture.examples import LEAST, Example, example
from tests.architecture.routes import ROUTES, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONDITIONS: tuple[dict[str, str], ...] = (
    {},
    {"If-Match": "*"},
    {"If-Match": '"v1-json1"'},
    {"If-Match": '"v2-json1"'},
    {"If-None-Match": "*"},
)
ACTIONS = ("update", "delete", "restore", "publish", "archive")
COUNTED = re.compile(rb"(?<=\");r=\d+;t=\d+$|;pk=:[^:]*:")
"""What is left of a limit, and the hash of the address."""
UUID_TEXT = re.compile("[0-9a-f-]{36}")
_addresses = count(1)

type Ids = Mapping[str, object]
type Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


async def answered(api: Running, sent: Example) -> Answer:
    """All that comes back, with the ids that were sent replaced by their names. Every request has the same request id."""
    client = api.client_at(f"2001:db8::{next(_addresses):x}")
    return _named(await sent.adding({"X-Request-ID": "the-same"}).send(client), sent.ids)


def _named(answer: httpx2.Response, ids: Ids) -> Answer:
    body = answer.content
    for name, id in ids.items():
        body = body.replace(str(id).encode(), name.encode())
    headers = [(name, COUNTED.sub(b"", value)) for name, value in answer.headers.raw if name != b"traceparent"]
    return answer.status_code, headers, body


def with_foreign(own: Ids, foreign: Ids) -> Iterator[tuple[Ids, Ids]]:
    """Each choice of own and foreign ids with a foreign one among them, and the same with random ones in the place of foreign ones."""
    named = [name for name, value in own.items() if UUID_TEXT.fullmatch(str(value))]
    for choice in product((False, True), repeat=len(named)):
        chosen = [name for name, is_foreign in zip(named, choice, strict=True) if is_foreign]
        if chosen:
            yield {**own, **{name: foreign[name] for name in chosen}}, {**own, **{name: uuid4() for name in chosen}}


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if "{" in route.template and not route.of_protocol], ids=lambda route: route.name
)
async def test_a_foreign_id_is_answered_as_a_random_one(api: Running, route: Route) -> None:
    own, foreign = await example(api, route), await example(api, route)
    if own.weaker is not None and LEAST.get(route.name) == "platform":
        own = own.adding(own.weaker.headers)  # to the platform's administrators no user and no tenant is foreign
    compared = 0
    for known, unknown in with_foreign(own.ids, foreign.ids):
        for condition, content in product(CONDITIONS, {own.content, b"", b"{}"}):
            sent = replace(own.without("If-Match").adding(condition), content=content)
            to_foreign, to_random = await answered(api, replace(sent, ids=known)), await answered(api, replace(sent, ids=unknown))
            assert to_foreign == to_random
            assert to_foreign[0] >= 400
            compared += to_foreign[0] in (403, 404)
    assert compared, "no request came as far as looking for the id"
    assert (await foreign.send(api.client)).status_code == route.success, "what is foreign was touched"


def operation(action: str, id: object, version: int | None) -> dict[str, Any]:
    changes = {"changes": {"name": "stolen"}} if action == "update" else {}
    return {"action": action, "id": str(id), **({} if version is None else {"expected_version": version}), **changes}


async def batch(api: Running, person: Person, mode: str, id: object, version: int | None) -> Answer:
    operations = [operation(action, id, version) for action in ACTIONS]
    headers = {**person.headers, "X-Request-ID": "the-same"}
    client = api.client_at(f"2001:db8::{next(_addresses):x}")
    return _named(await client.post("/api/v1/items/batch", json={"mode": mode, "operations": operations}, headers=headers), {"id": id})


@pytest.mark.parametrize("version", [None, 1, 2])
@pytest.mark.parametrize("mode", ["atomic", "independent"])
async def test_batches_tell_no_more(api: Running, mode: str, version: int | None) -> None:
    mine, theirs = await api.person(), await api.person()
    item = await api.item(theirs, price={"amount": "1.00", "currency": "EUR"})
    assert await batch(api, mine, mode, item["id"], version) == await batch(api, mine, mode, uuid4(), version)
    shown = await api.client.get(f"/api/v1/items/{item['id']}", headers=theirs.headers)
    assert shown.json() == item


async def test_a_cursor_of_another_tenant_is_refused(api: Running) -> None:
    mine, theirs = await api.person(), await api.person()
    for _ in range(2):
        await api.item(theirs)
    page = await api.client.get("/api/v1/items?limit=1", headers=theirs.headers)
    refused = await api.client.get("/api/v1/items", params={"limit": 1, "cursor": page.json()["next_cursor"]}, headers=mine.headers)
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/query/cursor"]
