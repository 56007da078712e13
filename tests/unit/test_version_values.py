"""Values of older versions, of any enumeration and any mapping: what is stored is shown as it was sent, and filters find what is shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.application.common.listing import EQUALITY, Field
from api_base.domain.common.specification import ComparisonOperator, FieldSpecification
from api_base.interface.routes.versions import Version
from api_base.interface.versioning import EnumChanged

V3: Final = Version(3, released=date(2027, 1, 1))
NAMES: Final = ("low", "high", "urgent", "minor", "major")


@dataclass(frozen=True)
class Row:
    level: str | None


@dataclass(frozen=True)
class History:
    """The newer values of an enumeration, and a change of it that is no mistake."""

    newer: Sequence[str]
    change: EnumChanged

    @property
    def kind(self) -> Any:
        return StrEnum("Newer", {name.upper(): name for name in self.newer})

    def shown(self, value: str | None) -> Any:
        return self.change.shown({"level": value})["level"]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Some newer values, each of which is an older one or is mapped to one: others may be called as a newer value is."""
    newer = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    older = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    values = {name: draw(st.sampled_from(older)) for name in newer if name not in older or draw(st.booleans())}
    kind = StrEnum("Older", {name.upper(): name for name in older})
    change = EnumChanged(V3, (Row,), name="level", type=kind, values=values)
    history = History(newer, change)
    assert change.mistake({"level": history.kind}) is None
    return history


@given(histories())
def test_what_is_stored_of_an_older_value_is_shown_as_that(history: History) -> None:
    types = {"level": history.kind}
    for sent in {history.shown(value) for value in history.newer}:
        stored = history.change.asked({"level": sent}, types)["level"]
        assert stored in history.newer
        assert history.shown(stored) == sent
        if sent in history.newer and history.shown(sent) == sent:
            assert stored == sent  # a value that did not change is stored as it is


@given(histories(), st.sampled_from([ComparisonOperator.EQ, ComparisonOperator.NE]), st.data())
def test_a_filter_finds_what_is_shown(history: History, operator: ComparisonOperator, data: st.DataObject) -> None:
    sent = data.draw(st.sampled_from(sorted({history.shown(value) for value in history.newer})))
    rows = [Row(level=value) for value in (*history.newer, None)]
    asked = FieldSpecification[Row]("level", operator, sent)
    assert _found(history, asked, rows) == [row for row in rows if asked.is_satisfied_by(Row(level=history.shown(row.level)))]


@given(histories(), st.data())
def test_a_filter_by_several_values_finds_what_is_shown(history: History, data: st.DataObject) -> None:
    sent = data.draw(st.lists(st.sampled_from(sorted({history.shown(value) for value in history.newer})), min_size=1))
    rows = [Row(level=value) for value in (*history.newer, None)]
    asked = FieldSpecification[Row]("level", ComparisonOperator.IN, sent)
    assert _found(history, asked, rows) == [row for row in rows if history.shown(row.level) in sent]


def _found(history: History, asked: FieldSpecification[Row], rows: Sequence[Row]) -> Sequence[Row]:
    newer = {"level": Field(name="level", kind=str, operators=EQUALITY, nullable=True, choices=tuple(history.newer))}
    comparisons = history.change.comparisons(asked, newer)
    return [row for row in rows if all(one.is_satisfied_by(row) for one in comparisons)]


@given(histories())
def test_a_change_is_exact_where_no_two_values_are_shown_as_one(history: History) -> None:
    shown = [history.shown(value) for value in history.newer]
    assert history.change.exact({"level": history.kind}) is (len({*shown}) == len(shown))


@pytest.mark.parametrize(("sent", "stored"), [("major", "high"), ("minor", "minor")])
def test_a_text_is_stored_as_the_first_value_that_is_mapped(sent: str, stored: str) -> None:
    change = EnumChanged(V3, (Row,), name="level", type=str, values={"high": "major", "urgent": "major"})
    assert change.asked({"level": sent}, {"level": str}) == {"level": stored}
