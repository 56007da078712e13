"""Execution: time, masked errors, subscriptions."""

import json
from typing import Any

import pytest

from api_base.core.types import NO_REQUEST, current_context
from api_base.interface.graphql.engine import Response
from api_base.interface.graphql.request import OperationRequest
from tests.factories.graphql import engine

pytestmark = pytest.mark.asyncio


async def run(query: str, *, safe: bool = False, timeout_seconds: float = 10) -> Response:
    return await engine(timeout_seconds=timeout_seconds).run(OperationRequest(query=query), keep=False, safe=safe)


async def test_a_slow_operation_ends_with_its_time() -> None:
    response = await run("{slow}", timeout_seconds=0.05)
    assert (response.status, json.loads(response.content)["errors"][0]["extensions"]["code"]) == (503, "TIMEOUT")


async def test_a_mutation_by_get_is_not_executed() -> None:
    assert (await run('mutation{rename(name: "a"){id}}', safe=True)).status == 405
    assert (await run('mutation{rename(name: "a"){id}}')).status == 200


async def test_an_error_of_a_resolver_shows_no_internals() -> None:
    response = await run("{fails}")
    assert response.executed
    assert json.loads(response.content)["data"] == {"fails": None}
    assert b"password" not in response.content


async def test_data_is_null_if_a_required_field_fails() -> None:
    response = await run("{secret}")
    assert (response.status, json.loads(response.content)["data"]) == (200, None)


async def test_a_subscription_needs_a_stream() -> None:
    assert b"SUBSCRIPTION" in (await run("subscription{counted(to: 1)}")).content


async def responses(query: str, **settings: Any) -> list[dict[str, Any]]:
    current_context.set(NO_REQUEST)
    made = engine(**settings).responses(OperationRequest(query=query), keep=False)
    return [json.loads(one.content) async for one in made]


async def test_the_events_of_a_subscription() -> None:
    assert await responses("subscription{counted(to: 3)}") == [{"data": {"counted": number}} for number in (1, 2, 3)]


async def test_an_event_ends_with_its_time_and_the_next_one_comes() -> None:
    stopped, follows = await responses("subscription{slow{id}}", timeout_seconds=0.05)
    assert stopped["data"] is None
    assert [error["extensions"]["code"] for error in stopped["errors"]] == ["TIMEOUT"]
    assert follows == {"data": {"slow": {"id": "1"}}}


async def test_an_event_has_the_size_of_a_response_and_the_next_one_counts_for_itself() -> None:
    refused, follows = await responses("subscription{large{name again: name}}")
    assert refused["data"] is None
    assert [error["extensions"]["limit"] for error in refused["errors"]] == ["response_bytes"]
    assert follows == {"data": {"large": {"name": "Chair", "again": "Chair"}}}


async def test_a_subscription_that_cannot_begin_is_an_error() -> None:
    (answer,) = await responses("subscription{fails}")
    assert "password" not in str(answer)
    assert answer["errors"]
