"""The fields of a plain resource's list: what each type may be compared by, sorted by, and which values it has."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from api_base.application.common.listing import EQUALITY, ORDER, TEXT, UNINDEXED, Field
from api_base.application.common.resources.fields import resource_fields, unlisted
from api_base.core.types import TenantId
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.domain.common.specification import ComparisonOperator as Operator
from api_base.domain.common.value_objects import Money


class Level(Enum):
    LOW = "low"
    HIGH = "high"


@dataclass(slots=True, kw_only=True, eq=False)
class Task(Resource):
    tenant_id: TenantId
    title: str
    note: str | None
    done: bool
    size: int
    level: Level
    worst: Level | None
    owner_id: UUID
    due_on: date
    begun_at: datetime | None
    cost: Money
    tags: tuple[str, ...]


@dataclass(slots=True, kw_only=True, eq=False)
class Kept(RestorableResource):
    tenant_id: TenantId
    title: str


NAMES = ("title", "note", "done", "size", "level", "worst", "owner_id", "due_on", "begun_at")
NULL = frozenset({Operator.IS_NULL})
SAME = frozenset({Operator.EQ, Operator.NE})


def fields(cls: type[Resource] = Task, filters: tuple[str, ...] = NAMES, sorts: tuple[str, ...] = NAMES) -> dict[str, Field]:
    return {one.name: one for one in resource_fields(cls, filters, sorts)}


@pytest.mark.parametrize(
    ("name", "kind", "operators", "choices"),
    [
        ("title", str, TEXT, ()),
        ("note", str, TEXT | NULL, ()),
        ("done", bool, SAME, ()),
        ("size", int, ORDER, ()),
        ("level", str, EQUALITY, ("low", "high")),
        ("worst", str, EQUALITY | NULL, ("low", "high")),
        ("owner_id", UUID, EQUALITY, ()),
        ("due_on", date, ORDER, ()),
        ("begun_at", datetime, ORDER | NULL, ()),
    ],
)
def test_each_type_has_its_comparisons_and_values(
    name: str, kind: type[Any], operators: frozenset[Operator], choices: tuple[str, ...]
) -> None:
    field = fields()[name]
    assert (field.kind, field.operators, field.choices) == (kind, operators, choices)
    assert (field.nullable, field.sortable) == (bool(operators & NULL), True)
    assert field.scan <= field.operators & (UNINDEXED | {Operator.IN})


def test_what_is_declared_for_one_use_has_no_other() -> None:
    found = fields(filters=("title",), sorts=("size",))
    assert {name: (bool(one.operators), one.sortable) for name, one in found.items()} == {
        "title": (True, False), "size": (False, True), "created_at": (False, True),
    }  # fmt: skip


def test_money_is_compared_by_its_parts() -> None:
    assert {"cost.amount", "cost.currency"} <= fields(filters=("cost",), sorts=()).keys()


def test_what_is_deleted_can_be_found_in_lists_of_what_can_be_restored() -> None:
    assert fields(Kept, filters=(), sorts=()).keys() == {"created_at", "deleted_at"}
    assert fields(Kept, filters=(), sorts=())["deleted_at"].operators


def test_other_types_and_names_are_left_out_and_named() -> None:
    assert sorted(unlisted(Task, ["title", "tags", "nothing", "cost"])) == ["nothing", "tags"]
    assert fields(filters=("title", "tags", "nothing"), sorts=()).keys() == {"title", "created_at"}
