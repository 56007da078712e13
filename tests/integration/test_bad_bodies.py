"""Bad bodies of every kind: a problem that names what is wrong, never a 5xx, and nothing half-written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.bad_input import JSON, VALID, World, refused

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEEP = 32  # with the body itself one more than is taken
UNKNOWN = uuid4()


@dataclass(frozen=True, slots=True)
class Field:
    """What is sent instead of a valid member, and where the problem points, if not at the member."""

    name: str
    value: Any
    pointer: str | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return f"{self.name}={json.dumps(self.value)[:40]}"

    @property
    def pointers(self) -> set[str]:
        return {"/body/" + (self.pointer or self.name)}


def price(amount: Any, currency: Any) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


FIELDS = [
    *(Field(name, value) for name in ("sku", "name", "category") for value in ("", "  ", None, 1, True, ["a"], {"a": 1}, "a\0b")),
    *(Field("description", value) for value in (1, ["a"], "a\0b")),
    Field("sku", "a" * 65),
    Field("name", "a" * 201),
    Field("category", "a" * 101),
    Field("description", "a" * 10_001),
    Field("tags", "wood"),
    Field("tags", {"a": 1}),
    Field("tags", [f"tag {n}" for n in range(51)]),
    *(Field("tags", ["fine", value], pointer="tags/1") for value in ("", "a\0", 1, None, ["a"], "a" * 51, "fine")),
    Field("attributes", "text"),
    Field("attributes", ["a"]),
    Field("attributes", {"a": "\0"}),
    Field("attributes", {"\0": 1}),
    Field("attributes", {"a": [float("nan")]}),
    Field("attributes", {"a": {"b": float("-inf")}}),
    Field("attributes", {"a": "x" * 16_400}),
    Field("price", 12.5),
    Field("price", "12.50"),
    Field("price", [1, "EUR"]),
    *(Field("price", price(amount, "EUR"), pointer="price/amount") for amount in (
        12.5, 12, None, True, "", "1,5", "1e3", "NaN", "Infinity", "0x10", "1.005", "1." , ".5", " 1", "+1", "-0.01", "-1", "9" * 19, "9" * 25, "٣", "1\0"
    )),
    *(Field("price", price("1", currency), pointer="price/currency") for currency in ("XXY", "eur", "EU", "EURO", "", None, 978, "E\0R")),
    Field("price", price("1.5", "JPY"), pointer="price/amount"),
    Field("price", {**price("1", "EUR"), "rate": 1}, pointer="price/rate"),
]  # fmt: skip


@pytest.mark.parametrize("bad", FIELDS, ids=str)
@pytest.mark.parametrize("how", ["create", "patch", "batch"])
async def test_a_bad_member_is_named(world: World, bad: Field, how: str) -> None:
    if how == "create":
        await refused(world, 422, bad.pointers, "POST", "/api/v1/items", content=json.dumps({**VALID, bad.name: bad.value}), headers=JSON)
    elif how == "patch":
        body = json.dumps({bad.name: bad.value})
        await refused(world, 422, bad.pointers, "PATCH", "/api/v1/items/{item}", content=body, headers={**JSON, "If-Match": '"v1-json1"'})
    else:
        operations = [{"action": "create", "item": {**VALID, "sku": "FINE"}}, {"action": "create", "item": {**VALID, bad.name: bad.value}}]
        pointers = {pointer.replace("/body", "/body/operations/1/item") for pointer in bad.pointers}
        await refused(world, 422, pointers, "POST", "/api/v1/items/batch", content=json.dumps({"operations": operations}), headers=JSON)


@pytest.mark.parametrize("missing", ["sku", "name", "category"])
async def test_a_missing_member_is_named(world: World, missing: str) -> None:
    await refused(world, 422, {f"/body/{missing}"}, "POST", "/api/v1/items", json={k: v for k, v in VALID.items() if k != missing})


async def test_everything_that_is_wrong_is_named_at_once(world: World) -> None:
    body = {"sku": "", "tags": [1], "price": {"amount": 1, "currency": None}, "colour": "red"}
    pointers = {f"/body/{name}" for name in ("sku", "name", "category", "tags/0", "price/amount", "price/currency", "colour")}
    await refused(world, 422, pointers, "POST", "/api/v1/items", json=body)


RAW: Mapping[str, bytes] = {
    "invalid UTF-8": b'{"name": "\xff"}',
    "UTF-8 surrogate": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "control character": b'{"name": "a\x01"}',
    "trailing comma": b'{"name": "a",}',
    "comment": b'{"name": "a" /* b */}',
    "single quotes": b"{'name': 'a'}",
    "two values": b'{"name": "a"}{}',
    "cut off": b'{"name": "a',
    "too deep": json.dumps({"attributes": nested(DEEP)}).encode(),
    "far too deep": b'{"attributes":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep and open": b'{"attributes":' + b"[" * 100_000,
    "half of a surrogate pair": b'{"name": "\\ud800"}',
    "the other half": b'{"attributes": {"a": ["\\udfff"]}}',
    "half of a pair in a key": b'{"\\ud800": 1}',
}


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/v1/items"), ("PATCH", "/api/v1/items/{item}"), ("POST", "/api/v1/items/batch")]
)
async def test_what_is_no_json_is_refused(world: World, method: str, path: str, name: str) -> None:
    before = await world.rows()
    answer = await world.send(method, path, content=RAW[name], headers={"Content-Type": "application/json", "If-Match": "*"})
    assert answer.status_code == 400, answer.text
    assert answer.json()["type"] == "/problems/malformed-body"
    assert await world.rows() == before


NUMBERS: Mapping[str, int] = {
    "1" + "0" * 400: 201, "-" + "9" * 5000: 400, "1e400": 422, "1E-400": 201, "1e999999999999": 422, "-0": 201, "0." + "1" * 3000: 201,
}  # fmt: skip
"""Each with the status of a request that sends it: an integer of any size that the parser reads, and a fraction in the range of float64."""


@pytest.mark.parametrize("number", NUMBERS)
async def test_numbers_of_any_size_are_kept_or_refused(world: World, number: str) -> None:
    body = f'{{"sku": "N-{uuid4()}", "name": "a", "category": "b", "attributes": {{"n": {number}}}}}'
    before = await world.rows()
    answer = await world.send("POST", "/api/v1/items", content=body.encode(), headers=JSON)
    assert answer.status_code == NUMBERS[number], answer.text
    if answer.status_code == 201:
        again = await world.send("GET", f"/api/v1/items/{answer.json()['id']}")
        assert again.json() == answer.json()
    else:
        assert await world.rows() == before


async def test_a_key_that_is_given_twice_is_refused(world: World) -> None:
    """I-JSON [RFC 7493, section 2.3]: parsers disagree about which of the two counts."""
    before = await world.rows()
    for body in (
        '{"sku": "a", "sku": "b", "name": "n", "category": "c"}',
        '{"sku": "a", "name": "n", "category": "c", "attributes": {"a": [{"b": 1, "b": 2}]}}',
    ):
        answer = await world.send("POST", "/api/v1/items", content=body.encode(), headers=JSON)
        assert answer.status_code == 400, answer.text
        assert "two members of one name" in answer.json()["detail"]
    assert await world.rows() == before


@pytest.mark.parametrize(("action", "where"), [("create", "item"), ("update", "changes")])
async def test_a_result_points_into_its_own_operation(world: World, action: str, where: str) -> None:
    bad = {"action": action, where: {**VALID, "sku": "FINE", "name": " "}} | ({"id": world.item} if action == "update" else {})
    body = {"mode": "independent", "operations": [{"action": "delete", "id": str(UNKNOWN)}, bad]}
    answer = await world.send("POST", "/api/v1/items/batch", json=body)
    first, second = answer.json()["results"]
    assert (first["status"], second["status"]) == (404, 422)
    assert [one["pointer"] for one in second["problem"]["errors"]] == [f"/body/operations/1/{where}/name"]


OPERATIONS: list[tuple[Any, str]] = [
    ({"action": "create"}, "/item"),
    ({"action": "explode", "id": str(UNKNOWN)}, ""),
    ({"id": str(UNKNOWN)}, ""),
    ({"action": "delete"}, "/id"),
    ({"action": "delete", "id": "1"}, "/id"),
    ({"action": "delete", "id": str(UNKNOWN), "expected_version": 0}, "/expected_version"),
    ({"action": "delete", "id": str(UNKNOWN), "expected_version": "1"}, "/expected_version"),
    ({"action": "delete", "id": str(UNKNOWN), "changes": {}}, "/changes"),
    ({"action": "update", "id": str(UNKNOWN)}, "/changes"),
    ({"action": "update", "id": str(UNKNOWN), "changes": {"status": "published"}}, "/changes/status"),
    (None, ""),
    ("delete", ""),
]


@pytest.mark.parametrize(("operation", "where"), OPERATIONS)
async def test_a_bad_operation_is_named(world: World, operation: Any, where: str) -> None:
    body = {"operations": [{"action": "delete", "id": world.item}, operation]}
    await refused(world, 422, {"/body/operations/1" + where}, "POST", "/api/v1/items/batch", json=body)


@pytest.mark.parametrize(
    "body", [{"operations": []}, {"operations": [{"action": "delete", "id": str(UNKNOWN)}] * 1001}, {"operations": {}}, {}]
)
async def test_batches_are_bounded(world: World, body: Any) -> None:
    await refused(world, 422, {"/body/operations"}, "POST", "/api/v1/items/batch", json=body)


async def test_a_mode_that_is_none_is_named(world: World) -> None:
    body = {"mode": "maybe", "operations": [{"action": "delete", "id": world.item}]}
    await refused(world, 422, {"/body/mode"}, "POST", "/api/v1/items/batch", json=body)
