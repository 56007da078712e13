"""The walk: each text in the example of each body, replaced by text that nothing stores, is refused by a problem."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.architecture.examples import example
from tests.architecture.routes import ROUTES, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

STRANGE = {"nul": "\0", "surrogate": "\ud800", "long": "x" * 70_000}
"""What is appended to each text."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


def spoiled(value: Any, addition: str) -> Iterator[Any]:
    """`value` with one of its texts changed, for each of them."""
    if isinstance(value, str):
        yield value + addition
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from ({**value, name: changed} for changed in spoiled(member, addition))
    elif isinstance(value, list):
        for i, element in enumerate(value):
            yield from ([*value[:i], changed, *value[i + 1 :]] for changed in spoiled(element, addition))


def takes_json(route: Route) -> bool:
    return route.media_type is not None and "json" in route.media_type and not route.of_protocol


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("route", list(filter(takes_json, ROUTES)), ids=lambda route: route.name)
async def test_text_that_cannot_be_stored_is_refused(api: Running, route: Route, strange: str) -> None:
    valid = await example(api, route)
    for body in spoiled(json.loads(valid.content), STRANGE[strange]):
        answer = await replace(valid, content=json.dumps(body).encode()).send(api.client)
        assert 400 <= answer.status_code < 500, (body if strange != "long" else body.keys(), answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
