"""A body of the allowed size keeps neither the event loop nor the memory: a thread validates it, and its errors are bounded."""

import asyncio
import json
import threading
from contextlib import nullcontext
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, field_validator

from api_base.application.common.batch import BatchMode, run
from api_base.core.errors import Invalid
from api_base.domain.common.stored_json import stored
from api_base.domain.items.value_objects import ATTRIBUTES_BYTES
from api_base.interface.errors.handlers import MAX_COUNTED, MAX_LISTED
from api_base.interface.routes import body
from api_base.interface.routes.unknown_members import MAX_UNKNOWN
from api_base.interface.v1.bodies.batches import BatchBody
from api_base.interface.v1.bodies.items import CreateItemBody, PatchItemBody

ITEM = {"sku": "A", "name": "n", "category": "c"}


class Noted(BaseModel):
    """Notes the thread that validates it."""

    model_config = ConfigDict(extra="forbid")
    text: str
    thread: int = 0

    @field_validator("thread")
    @classmethod
    def noted(cls, value: int) -> int:
        del value
        return threading.get_ident()


class Lenient(BaseModel):
    text: str = ""


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    either: Noted | Lenient | None = None
    any: dict[str, Noted] | None = None
    listed: list[Noted] = []


def refused(document: object, model: type[BaseModel] = CreateItemBody) -> list[tuple[str, str]]:
    """The pointers and codes of the violations of a large body."""
    with pytest.raises(Invalid) as found:
        body.parse(json.dumps(document).encode(), TypeAdapter(model), model)
    return [(violation.pointer, violation.code) for violation in found.value.violations]


@pytest.mark.parametrize(("size", "inline"), [(body.MAX_INLINE_BYTES, True), (body.MAX_INLINE_BYTES + 1, False)])
async def test_a_large_body_is_validated_in_a_thread(size: int, inline: bool) -> None:
    raw = b'{"text":"","thread":1}'
    raw = raw.replace(b'""', b'"%s"' % (b"x" * (size - len(raw))))
    found = await body.validated(raw, Noted, TypeAdapter(Noted))
    assert len(raw) == size
    assert (found.thread == threading.get_ident()) is inline


def test_many_errors_are_counted_and_the_first_are_listed() -> None:
    operations = [{"action": "create", "item": {}} for _ in range(MAX_LISTED)]
    found = refused({"operations": operations}, BatchBody)
    assert found[0] == ("/body/operations/0/item/sku", "missing")
    assert [code for _, code in found] == ["missing"] * MAX_LISTED + ["too_many_errors"]
    assert found[-1][0] == "/body"


@pytest.mark.parametrize(("count", "listed"), [(MAX_COUNTED, MAX_LISTED), (MAX_COUNTED + 1, 0)])
def test_errors_that_are_too_many_are_only_counted(count: int, listed: int) -> None:
    class Numbers(BaseModel):
        numbers: list[int]

    found = refused({"numbers": ["x"] * count}, Numbers)
    assert found == [*((f"/body/numbers/{number}", "int_parsing") for number in range(listed)), ("/body", "too_many_errors")]


def members(count: int) -> dict[str, Any]:
    return {f"unknown {number}": None for number in range(count)}


@pytest.mark.parametrize(
    ("document", "model", "where"),
    [
        ({**ITEM, **members(100)}, CreateItemBody, "/body"),
        (members(100), PatchItemBody, "/body"),
        ({**ITEM, "prices": [members(100)]}, CreateItemBody, "/body/prices/0"),
        (
            {"operations": [{"action": "create", "item": ITEM}, {"action": "create", "item": members(100)}]},
            BatchBody,
            "/body/operations/1/item",
        ),
        ({"listed": [{"text": ""}, members(100)]}, Outer, "/body/listed/1"),
    ],
)
def test_many_unknown_members_of_one_object_are_one_error(document: object, model: type[BaseModel], where: str) -> None:
    assert refused(document, model) == [(where, "too_many")]


def test_some_unknown_members_are_an_error_each() -> None:
    assert refused({**ITEM, **members(MAX_UNKNOWN)}) == [(f"/body/{name}", "extra_forbidden") for name in members(MAX_UNKNOWN)]


@pytest.mark.parametrize(
    "document", [{"either": members(100)}, {"any": {name: {"text": ""} for name in members(100)}}, {"listed": [{"text": ""}] * 100}]
)
def test_what_may_have_any_members_may_have_many(document: object) -> None:
    assert body.parse(json.dumps(document).encode(), TypeAdapter(Outer), Outer)


def test_a_list_that_is_too_long_is_one_error_whatever_is_in_it() -> None:
    assert refused({**ITEM, "tags": [1] * 1000}) == [("/body/tags", "too_long")]


@pytest.mark.parametrize(
    "attributes", [{"a": [1] * ATTRIBUTES_BYTES}, {"a": {"b": [[]] * ATTRIBUTES_BYTES}}, members(ATTRIBUTES_BYTES + 1)]
)
def test_more_values_than_can_be_stored_are_refused_before_each_costs_time(attributes: dict[str, Any]) -> None:
    assert refused({**ITEM, "attributes": attributes}) == [("/body/attributes", "too_big")]
    assert refused({"attributes": attributes}, PatchItemBody) == [("/body/attributes", "too_big")]


@pytest.mark.parametrize("value", [1e308, 1e-308, 10**300, "x" * 300])
def test_stored_json_ends_at_its_size_and_not_at_the_end_of_the_value(value: object) -> None:
    class Endless(list[object]):
        taken = 0

        def __iter__(self) -> Any:
            while True:
                self.taken += 1
                yield value

    endless = Endless()
    with pytest.raises(Invalid, match="is larger than 16384 bytes"):
        stored({"a": endless}, "/attributes", ATTRIBUTES_BYTES)
    assert endless.taken < 80


async def test_other_tasks_get_their_turn_between_the_operations_of_a_batch() -> None:
    turns: list[str] = []

    async def other() -> None:
        for _ in range(3):
            turns.append("other")
            await asyncio.sleep(0)

    async def apply(operation: int) -> int:
        turns.append("batch")
        return operation

    await asyncio.gather(run([1, 2, 3], apply, BatchMode.INDEPENDENT, nullcontext), other())
    assert turns == ["batch", "other"] * 3
