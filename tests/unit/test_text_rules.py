"""Text that enters: one spelling is stored, and what nobody can see or what misleads is refused."""

import sys
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import Invalid, Violation
from api_base.domain.common.text import TextRule, key, normalized

LINE = TextRule(max_length=100)
LINES = TextRule(max_length=100, lines=True)
KEY = TextRule(max_length=100, key=True)
RULES = [LINE, LINES, KEY]
EVERY = [chr(code) for code in range(sys.maxunicode + 1)]
CONTROLS = [character for character in EVERY if unicodedata.category(character) == "Cc"]
BIDIRECTIONAL = [
    character
    for character in EVERY
    if unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
]
INVISIBLE = [
    "\u00ad",
    "\u034f",
    "\u115f",
    "\u180e",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u2060",
    "\u2064",
    "\u3164",
    "\ufe0f",
    "\ufeff",
    "\U000e0061",
]


def code(rule: TextRule, text: str) -> str | None:
    found = rule.read(text, "/name")
    return found.code if isinstance(found, Violation) else None


@pytest.mark.parametrize("rule", RULES, ids=["line", "lines", "key"])
def test_no_control_character_enters_but_line_ends_and_tabs_where_lines_make_sense(rule: TextRule) -> None:
    refused = {character for character in CONTROLS if code(rule, f"a{character}b") is not None}
    assert refused == set(CONTROLS) - (set("\t\n\r") if rule.lines else set())


@pytest.mark.parametrize("rule", RULES, ids=["line", "lines", "key"])
def test_no_bidirectional_control_enters(rule: TextRule) -> None:
    if not rule.key:  # a key loses what nobody sees
        assert {code(rule, f"a{character}b") for character in BIDIRECTIONAL} == {"bidirectional"}
    assert KEY.parse("a\u202eb", "/sku") == "ab"


@pytest.mark.parametrize("rule", RULES, ids=["line", "lines", "key"])
@pytest.mark.parametrize("character", ["", " ", "\u00a0", "\u3000", "\u2800", *INVISIBLE], ids=ascii)
def test_what_nobody_can_see_is_blank(rule: TextRule, character: str) -> None:
    assert code(rule, character * 3) == "blank"


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
@pytest.mark.parametrize("spelling", ["{0}Cafe\u0301", "Caf\u00e9{0}", "Ca{0}f\u00e9 ", "\u00a0Cafe{0}\u0301\n"])
def test_a_key_has_one_form(spelling: str, character: str) -> None:
    assert KEY.parse(spelling.format(character), "/sku") == "Caf\u00e9"


@pytest.mark.parametrize(
    "name", ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "I \u2764\ufe0f"]
)
def test_a_name_keeps_the_joiners_that_change_what_is_seen(name: str) -> None:
    assert LINE.parse(f" \u200d{name}\u200b ", "/name") == name


def test_line_ends_are_stored_as_one_character() -> None:
    assert LINES.parse("a\r\nb\rc\n", "/description") == "a\nb\nc\n"


def test_many_combining_marks_in_a_row_are_refused_before_they_cost_time() -> None:
    assert code(LINE, "a" + "\u0301" * 30) is None
    assert code(LINE, "a" + "\u0301" * 31) == "marks"


@pytest.mark.parametrize("marks", ["\u0301\u0323" * 16, "\u0344" * 16, "\u0f73" * 31, "\u0301\u200b" * 31], ids=ascii)
def test_marks_count_after_what_hides_them_is_gone(marks: str) -> None:
    assert code(KEY, f"a{marks}b") == "marks"


@pytest.mark.parametrize("form", [normalized, key])
def test_text_that_no_field_accepts_is_not_normalized(form: Callable[[str], str]) -> None:
    text = "a" + "\u0301\u0323" * 16
    assert form(text) == text != unicodedata.normalize("NFC", text)


def test_the_length_is_that_of_the_stored_form() -> None:
    assert code(LINE, "e\u0301" * 100) is None
    assert code(LINE, "e\u0301" * 101) == "too_long"


@given(st.text(st.characters(exclude_categories=())))
def test_the_stored_form_is_stored_unchanged(text: str) -> None:
    for rule in RULES:
        try:
            stored = rule.parse(text, "/name")
        except Invalid:
            continue
        assert rule.parse(stored, "/name") == stored == normalized(stored)
    assert key(key(text)) == key(text)


@pytest.mark.parametrize("rule", RULES)
def test_each_lone_surrogate_is_named_as_one(rule: TextRule) -> None:
    assert {code(rule, f"a{chr(number)}b") for number in range(0xD800, 0xE000)} == {"surrogate"}
