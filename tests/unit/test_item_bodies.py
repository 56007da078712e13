"""What clients say about items, as use cases take it: merge patches by RFC 7396, batches with a result for each operation."""

import json
import math
from typing import Any
from uuid import uuid4

import pytest
from pydantic import TypeAdapter, ValidationError

from api_base.application.items.commands.batch_items import ItemAction, ItemOperation
from api_base.application.items.commands.update_item import UpdateItem
from api_base.application.items.dtos import ItemDTO
from api_base.core.errors import Invalid
from api_base.core.types import Err, Ok
from api_base.domain.common.value_objects import Money
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.errors import ItemIsDeleted
from api_base.interface.v1.bodies.batches import answer
from api_base.interface.v1.bodies.items import PatchItemBody
from tests.factories.items import details, item

EUR, GBP = Money(minor=1250, currency="EUR"), Money(minor=1100, currency="GBP")
ONE = [{"amount": "3", "currency": "EUR"}]
BEFORE = details(
    description="Four legs", prices=(EUR, GBP), tags=("wood",), attributes={"colour": {"seat": "red", "legs": "black"}, "year": 1999}
)


def patched(patch: dict[str, Any], before: ItemDetails = BEFORE) -> dict[str, Any]:
    """The fields that `patch` changes, and what into."""
    changes = TypeAdapter(PatchItemBody).validate_json(json.dumps(patch)).details()
    return UpdateItem(id=uuid4(), expected_version=None, changes=changes).applied(before)


@pytest.mark.parametrize(
    ("patch", "changes"),
    [
        ({}, {}),
        ({"name": "Stool"}, {"name": "Stool"}),
        ({"prices": ONE}, {"prices": (Money(minor=300, currency="EUR"),)}),
        ({"prices": []}, {"prices": ()}),
        ({"prices": [ONE[0], {"amount": "11.00", "currency": "GBP"}]}, {"prices": (Money(minor=300, currency="EUR"), GBP)}),
        ({"prices": None}, {"prices": ()}),
        ({"description": None}, {"description": ""}),
        ({"tags": None}, {"tags": ()}),
        ({"tags": ["a", "b"]}, {"tags": ("a", "b")}),
        ({"attributes": None}, {"attributes": {}}),
        ({"attributes": {}}, {"attributes": BEFORE.attributes}),
        ({"attributes": {"colour": {"seat": None}}}, {"attributes": {"colour": {"legs": "black"}, "year": 1999}}),
        ({"attributes": {"colour": None, "year": [1, 2]}}, {"attributes": {"year": [1, 2]}}),
    ],
)
def test_a_merge_patch(patch: dict[str, Any], changes: dict[str, Any]) -> None:
    assert patched(patch) == changes


@pytest.mark.parametrize(
    "patch",
    [
        {"sku": None},
        {"name": None},
        {"category": None},
        {"prices": [None]},
        {"prices": [{"amount": "3"}]},
        {"price": None},
        {"status": "draft"},
    ],
)
def test_what_cannot_be_taken_away_or_set_is_refused(patch: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        patched(patch)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_in_json_is_refused_and_not_kept_as_null(number: float) -> None:
    with pytest.raises(Invalid) as refused:
        details(attributes={"deep": [{"down": number}]})
    assert [violation.pointer for violation in refused.value.violations] == ["/attributes"]


def test_each_result_has_the_status_of_the_operation_alone() -> None:
    shown = ItemDTO.of(item())
    operations = [ItemOperation(action=action) for action in (*ItemAction, ItemAction.DELETE)]
    answered = answer(operations, [*(Ok(shown) for _ in ItemAction), Err(ItemIsDeleted())])
    assert [result.status for result in answered.results] == [201, 200, 204, 200, 200, 200, 409]
    refused = answered.results[-1]
    assert refused.item is None
    assert refused.problem is not None
    assert refused.problem["type"] == "/problems/conflict"
