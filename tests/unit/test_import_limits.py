"""A mapping may name a long column many times: what it makes of it is bounded."""

import pytest

from api_base.application.common.importing.mapping import MAX_COMPOSED_LENGTH, ColumnMapping
from api_base.application.common.importing.schema import MAX_TEXTS
from api_base.application.items.commands.import_items import ITEM_SCHEMA
from api_base.core.errors import Invalid
from api_base.domain.items.entities import ItemDetails
from api_base.domain.items.value_objects import TAGS

RECORD = {"sku": "A", "name": "n", "category": "c"}


def details(source: str, value: object) -> ItemDetails:
    mapping = ColumnMapping.parse(ITEM_SCHEMA, ["sku=sku", "name=name", "category=category", source], ())
    return mapping.row({**RECORD, "x": value}).details


def refused(source: str, value: object) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as found:
        details(source, value)
    return [(violation.pointer, violation.code) for violation in found.value.violations]


def test_a_composed_value_ends_at_its_maximum_length() -> None:
    assert details("attributes.a={x}{x}-{x}", "x" * 5000).attributes == {"a": "x" * 10_000 + "-" + "x" * 5000}
    assert refused("attributes.a=" + "{x}" * 100, "x" * (MAX_COMPOSED_LENGTH // 100)) == [("/attributes", "too_big")]
    assert refused("attributes.a=" + "{x}" * 100, "x" * (MAX_COMPOSED_LENGTH // 100 + 1)) == [("/attributes.a", "too_long")]


@pytest.mark.parametrize("source", ["tags=x[]", "description=x[0]"])
@pytest.mark.parametrize("form", [",".join, list])
def test_a_field_has_so_many_values_at_most(source: str, form: type[list[str]]) -> None:
    assert details(source, form(["a"] * MAX_TEXTS)).sku == "A"
    assert refused(source, form(["a"] * (MAX_TEXTS + 1))) == [(f"/{source.partition('=')[0]}", "too_many")]


def test_tags_that_are_too_many_are_one_error_whatever_is_in_them() -> None:
    assert refused("tags=x[]", ["\t\x01" + str(number) for number in range(TAGS + 1)]) == [("/tags", "too_many")]
    assert len(details("tags=x[]", [f"t{number}" for number in range(TAGS)] * 2).tags) == TAGS
