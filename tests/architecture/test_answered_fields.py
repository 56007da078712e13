"""Answers have the members that the document states and no others, and none that is a secret column of a table."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from api_base.infrastructure.db.embedded import Urls
from tests.application import Running, running, settings_on
from tests.architecture.examples import example
from tests.architecture.routes import DOCUMENT, ROUTES, Json, Route

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWERED = [
    route
    for route in ROUTES
    if not route.of_protocol and "application/json" in route.operation["responses"][str(route.success)].get("content", {})
]

SHOWN = {"get_job": {"result"}}
"""The result of a job is secret to everybody but the user who began it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(shared_migrated: Urls) -> AsyncIterator[Running]:
    async with running(settings_on(shared_migrated)) as opened:
        yield opened


def resolved(schema: Json) -> Json:
    found: Json = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def undeclared(schema: Json, value: Any, pointer: str = "") -> Iterator[str]:
    """The members of `value`, at any depth, that `schema` does not name. What it leaves open, such as the attributes of an item, is not read."""
    schema = resolved(schema)
    if alternatives := schema.get("anyOf", schema.get("oneOf")):
        yield from min((list(undeclared(one, value, pointer)) for one in alternatives if fits(one, value)), key=len)
    elif isinstance(value, list) and "items" in schema:
        for number, one in enumerate(value):
            yield from undeclared(schema["items"], one, f"{pointer}/{number}")
    elif isinstance(value, dict) and "properties" in schema:
        for name, one in value.items():
            if name in schema["properties"]:
                yield from undeclared(schema["properties"][name], one, f"{pointer}/{name}")
            else:
                yield f"{pointer}/{name}"


def fits(schema: Json, value: Any) -> bool:
    kinds = {"null": type(None), "object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": int | float}
    return isinstance(value, kinds.get(resolved(schema).get("type"), object))


def named(schema: Json, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all members of a schema, at any depth."""
    if (reference := schema.get("$ref")) in seen:
        return
    schema, seen = resolved(schema), seen | {str(reference)}
    properties = schema.get("properties", {})
    yield from properties
    inner = [*properties.values(), *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for one in [*inner, schema["items"]] if "items" in schema else inner:
        yield from named(one, seen)


def schema_of(route: Route) -> Json:
    found: Json = route.operation["responses"][str(route.success)]["content"]["application/json"]["schema"]
    return found


@pytest.mark.parametrize("route", ANSWERED, ids=lambda route: route.name)
async def test_an_answer_has_no_member_that_the_document_does_not_name(api: Running, route: Route) -> None:
    answer = await (await example(api, route)).send(api.client)
    assert answer.status_code == route.success
    assert list(undeclared(schema_of(route), answer.json())) == []


@pytest.mark.parametrize("route", ANSWERED, ids=lambda route: route.name)
async def test_no_secret_column_is_a_member_of_an_answer(route: Route, tables: list[sa.Table]) -> None:
    secret = {column.name for table in tables for column in table.columns if column.info.get("sensitivity") == "secret"}
    assert len(secret) > 3
    assert secret & set(named(schema_of(route))) == SHOWN.get(route.name, set())


async def test_an_undeclared_member_is_found_at_any_depth() -> None:
    schema = {"properties": {"items": {"items": {"anyOf": [{"properties": {"id": {}}}, {"type": "null"}]}}}}
    assert list(undeclared(schema, {"items": [{"id": 1, "hash": 2}, None], "more": 3})) == ["/items/0/hash", "/more"]
    assert set(named(schema)) == {"items", "id"}
