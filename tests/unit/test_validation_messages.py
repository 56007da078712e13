"""Every error code of pydantic has a message of ours, and each kind of fault, sent over HTTP, is answered without pydantic's words."""

import ast
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, get_args
from uuid import UUID

import pydantic
import pytest
from fastapi import APIRouter
from pydantic import (
    UUID4,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FutureDate,
    FutureDatetime,
    HttpUrl,
    Json,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    StringConstraints,
    UrlConstraints,
    ValidationError,
    create_model,
    field_validator,
)  # fmt: skip
from pydantic.dataclasses import dataclass
from pydantic_core import core_schema

from api_base.core.errors.json_syntax import REASONS, json_reason
from api_base.core.errors.validation_messages import MESSAGES, NOT_VALID, PYTHON_TYPES, validation_message
from api_base.interface.routes import RouteOptions, Router
from tests.http_harness import THING, ThingDTO, shell

CODES: Sequence[str] = get_args(core_schema.ErrorType)
CALLS = "raised for the arguments of a validated call"
OBJECTS = "raised when attributes of a Python object are read"
CLASSES = "raised by a check for a Python class, which no JSON document can pass"
ASSIGNMENT = "raised by an assignment to a field"
UNREACHABLE: Mapping[str, str] = {
    "arguments_type": CALLS, "missing_argument": CALLS, "missing_keyword_only_argument": CALLS, "missing_positional_only_argument": CALLS,
    "multiple_argument_values": CALLS, "unexpected_keyword_argument": CALLS, "unexpected_positional_argument": CALLS,
    "no_such_attribute": OBJECTS, "get_attribute_error": OBJECTS,
    "frozen_field": ASSIGNMENT, "frozen_instance": ASSIGNMENT,
    "callable_type": CLASSES, "is_instance_of": CLASSES, "is_subclass_of": CLASSES, "dataclass_exact_type": CLASSES,
    "ellipsis_error": CLASSES, "missing_sentinel_error": CLASSES,
    "needs_python_object": "raised by a schema that cannot read JSON, an error of the program",
    "recursion_loop": "raised for a Python object that contains itself, which no document can",
    "iteration_error": "raised by a Python iterator",
    "datetime_object_invalid": "raised for a tzinfo of Python that fails",
}  # fmt: skip


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    name: str


@dataclass
class Point:
    x: int


class Pair(NamedTuple):
    left: int


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Chosen(BaseModel):
    value: int

    @field_validator("value")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("must be even")
        if value >= 100:
            raise AssertionError("must be below 100")
        return value


def test_every_code_of_pydantic_has_a_row_and_each_that_says_nothing_has_a_reason() -> None:
    assert MESSAGES.keys() == set(CODES)
    assert {code for code, message in MESSAGES.items() if message == NOT_VALID} == UNREACHABLE.keys()
    assert all(UNREACHABLE.values())


KIND = Annotated[Cat | Dog, Field(discriminator="kind")]
PYDANTIC = Path(pydantic.__file__).parent
FAULTS: Sequence[tuple[str, Any, Any, str]] = [
    ("bool_parsing", bool, "perhaps", "must be true or false"),
    ("bool_type", bool, [], "must be true or false"),
    ("bytes_type", bytes, 1, "must be a string of bytes"),
    ("bytes_too_short", Annotated[bytes, Field(min_length=2)], "a", "must have at least 2 bytes"),
    ("bytes_too_long", Annotated[bytes, Field(max_length=1)], "ab", "must have at most 1 byte"),
    ("complex_str_parsing", complex, "x", "must be a complex number such as 1+2j"),
    ("complex_type", complex, [], "must be a complex number such as 1+2j"),
    ("dataclass_type", Point, 1, "must be an object"),
    ("date_from_datetime_inexact", date, "2026-01-31T12:00:00Z", "must be a date without a time of day, such as 2026-01-31"),
    ("date_from_datetime_parsing", date, "tomorrow", "must be a date such as 2026-01-31"),
    ("date_future", FutureDate, "2001-01-31", "must be in the future"),
    ("date_past", PastDate, "2999-01-31", "must be in the past"),
    ("date_type", date, [], "must be a date such as 2026-01-31"),
    ("datetime_from_date_parsing", datetime, "now", "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z"),
    ("datetime_type", datetime, [], "must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z"),
    ("datetime_future", FutureDatetime, "2001-01-31T12:00:00Z", "must be in the future"),
    ("datetime_past", PastDatetime, "2999-01-31T12:00:00Z", "must be in the past"),
    ("decimal_parsing", Decimal, "x", "must be a decimal number such as 12.50"),
    ("decimal_type", Decimal, [], "must be a decimal number such as 12.50"),
    ("decimal_max_digits", Annotated[Decimal, Field(max_digits=2)], "1.25", "must have at most 2 digits"),
    ("decimal_max_places", Annotated[Decimal, Field(decimal_places=1)], "1.25", "must have at most 1 decimal place"),
    (
        "decimal_whole_digits", Annotated[Decimal, Field(max_digits=3, decimal_places=2)], "12.5",
        "must have at most 1 digit before the decimal point",
    ),
    ("dict_type", dict[str, int], [], "must be an object"),
    ("enum", Colour, "green", "must be 'red' or 'blue'"),
    ("finite_number", Annotated[float, Field(allow_inf_nan=False)], "nan", "must be a finite number"),
    ("float_parsing", float, "x", "must be a number"),
    ("float_type", float, [], "must be a number"),
    ("fraction_parsing", Fraction, "x", "must be a fraction such as 3/4"),
    ("fraction_type", Fraction, [], "must be a fraction such as 3/4"),
    ("frozen_set_type", frozenset[int], {}, "must be a list"),
    ("greater_than", Annotated[int, Field(gt=1)], 1, "must be greater than 1"),
    ("greater_than_equal", Annotated[float, Field(ge=2.5)], 1, "must be at least 2.5"),
    ("int_from_float", int, 1.5, "must be a whole number"),
    ("int_parsing", int, "x", "must be a whole number"),
    ("int_parsing_size", int, "9" * 5000, "must be a whole number with fewer digits"),
    ("int_type", int, [], "must be a whole number"),
    ("json_invalid", Json[int], "{", "must be valid JSON"),
    ("json_type", Json[int], 1, "must be a string of JSON"),
    ("less_than", Annotated[float, Field(lt=2)], 2, "must be less than 2"),
    ("less_than_equal", Annotated[int, Field(le=2)], 3, "must be at most 2"),
    ("list_type", list[int], {}, "must be a list"),
    ("literal_error", Literal["a", "b"], "c", "must be 'a' or 'b'"),
    ("model_type", Inner, 1, "must be an object"),
    ("multiple_of", Annotated[int, Field(multiple_of=5)], 6, "must be a multiple of 5"),
    ("named_tuple_type", Pair, 1, "must be a list or an object"),
    ("none_required", None, 1, "must be null"),
    ("set_type", set[int], {}, "must be a list"),
    ("set_item_not_hashable", set[Any], [[]], "must contain only strings, numbers, true, false and null"),
    ("string_not_ascii", Annotated[str, StringConstraints(ascii_only=True)], "é", "must have ASCII characters only"),
    ("string_pattern_mismatch", Annotated[str, Field(pattern="^a+$")], "b", "must match the pattern ^a+$"),
    ("string_too_long", Annotated[str, Field(max_length=1)], "ab", "must have at most 1 character"),
    ("string_too_short", Annotated[str, Field(min_length=1)], "", "must not be empty"),
    ("string_type", str, 1, "must be a string"),
    ("time_delta_parsing", timedelta, "x", "must be a duration such as PT1H30M"),
    ("time_delta_type", timedelta, [], "must be a duration such as PT1H30M"),
    ("time_parsing", time, "x", "must be a time of day such as 12:00:00"),
    ("time_type", time, [], "must be a time of day such as 12:00:00"),
    ("timezone_aware", AwareDatetime, "2026-01-31T12:00:00", "must have a time zone, such as Z"),
    ("timezone_naive", NaiveDatetime, "2026-01-31T12:00:00Z", "must not have a time zone"),
    ("too_long", Annotated[list[int], Field(max_length=1)], [1, 2], "must have at most 1 item"),
    ("too_short", Annotated[list[int], Field(min_length=1)], [], "must not be empty"),
    ("too_short", Annotated[list[int], Field(min_length=2)], [1], "must have at least 2 items"),
    ("tuple_type", tuple[int, ...], {}, "must be a list"),
    ("union_tag_invalid", KIND, {"kind": "cow"}, "must have 'kind' set to one of 'cat', 'dog', not 'cow'"),
    ("union_tag_invalid", KIND, {"kind": "c" * 99}, f"must have 'kind' set to one of 'cat', 'dog', not '{'c' * 50}'"),
    ("union_tag_not_found", KIND, {}, "must have 'kind'"),
    ("url_parsing", HttpUrl, "x", "must be a URL such as https://example.com"),
    ("url_scheme", HttpUrl, "ftp://a", "must be a URL that starts with 'http' or 'https'"),
    ("url_too_long", Annotated[HttpUrl, UrlConstraints(max_length=5)], "http://a.example", "must have at most 5 characters"),
    ("url_type", HttpUrl, 1, "must be a URL such as https://example.com"),
    ("uuid_parsing", UUID, "x", "must be a UUID"),
    ("uuid_type", UUID, 1, "must be a UUID"),
    ("uuid_version", UUID4, "01900000-0000-7000-8000-000000000001", "must be a UUID of version 4"),
    ("value_error", Chosen, {"value": 3}, "must be even"),
    ("assertion_error", Chosen, {"value": 100}, "must be below 100"),
]  # fmt: skip
"""Code, the type of a field, what is sent for it, and the message."""

ELSEWHERE: Mapping[str, str] = {
    "bytes_invalid_encoding": "needs a field with val_json_bytes of base64 or hex", "default_factory_not_called": "below",
    "date_parsing": "the text is tried as a time as well, which gives another code", "datetime_parsing": "as for date_parsing",
    "deque_type": "needs a deque", "frozen_dict_type": "as dict_type", "ordered_dict_type": "as dict_type", "counter_type": "as dict_type",
    "mapping_type": "as dict_type", "model_attributes_type": "needs from_attributes", "iterable_type": "needs a generator",
    "extra_forbidden": "below", "missing": "below", "invalid_key": "JSON has no other keys", "recursion_depth_exceeded": "a deep body is refused before",
    "string_unicode": "a body that is not UTF-8 is refused before", "url_syntax_violation": "needs a strict URL", "timezone_offset": "needs a fixed offset",
}  # fmt: skip
"""Codes with a message that `FAULTS` does not send, and why."""


def test_every_other_code_is_sent() -> None:
    assert set(CODES) - UNREACHABLE.keys() - ELSEWHERE.keys() == {code for code, *_ in FAULTS}


def test_every_type_that_pydantic_writes_in_python_has_a_message_too() -> None:
    found = set()
    for path in PYDANTIC.rglob("*.py"):
        if {"v1", "deprecated"}.isdisjoint(path.relative_to(PYDANTIC).parts):
            found |= set(custom_codes(path.read_text()))
    assert found - MESSAGES.keys() == PYTHON_TYPES.keys()


def custom_codes(source: str) -> Sequence[str]:
    """Codes of `PydanticCustomError("code", ...)` and `custom_error_type="code"`."""
    nodes = list(ast.walk(ast.parse(source)))
    raised = [node.args[0] for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("PydanticCustomError")]
    named = [node.value for node in nodes if isinstance(node, ast.keyword) and node.arg == "custom_error_type"]
    return [node.value for node in (*raised, *named) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


@pytest.mark.parametrize(("code", "kind", "value", "message"), FAULTS)
async def test_a_fault_in_a_body_is_answered_in_our_words(code: str, kind: Any, value: Any, message: str) -> None:
    found = await sent(create_model("Probe", field=(kind, ...)), json.dumps({"field": value}))
    assert {(one["code"], one["message"]) for one in found["errors"]} >= {(code, message)}
    assert f": {message}" in found["detail"]
    raw = library_texts(create_model("Probe", field=(kind, ...)), {"field": value}) - {message}
    assert not [text for text in raw if text in json.dumps(found, ensure_ascii=False)]


async def test_missing_unknown_and_dependent_fields_are_answered_in_our_words() -> None:
    class Probe(BaseModel):
        model_config = ConfigDict(extra="forbid")
        first: int
        second: int = Field(default_factory=lambda values: int(values["first"]))

    found = await sent(Probe, '{"third": 1}')
    assert {(one["pointer"], one["code"], one["message"]) for one in found["errors"]} == {
        ("/body/first", "missing", "is required"),
        ("/body/second", "default_factory_not_called", "has no default while another field is not valid"),
        ("/body/third", "extra_forbidden", "is not a known field"),
    }


async def test_detail_and_pointers_name_the_same_places() -> None:
    found = await sent(create_model("Probe", field=(int, ...), other=(str, ...)), '{"field": "x", "other": 1}')
    assert found["detail"] == "; ".join(f"{one['pointer']}: {one['message']}" for one in found["errors"])
    assert found["detail"] == "/body/field: must be a whole number; /body/other: must be a string"


async def sent(body: type[BaseModel], content: str) -> Any:
    """The problem that a route of ours answers with, the same as a route of a plain FastAPI router."""
    ours, plain = Router(prefix="/ours"), APIRouter()

    async def take(body: Any) -> ThingDTO:
        return ThingDTO(id=THING, name="a", version=1)

    take.__annotations__["body"] = body
    ours.post("", RouteOptions(auth="optional"))(take)
    plain.post("/plain")(take)
    async with shell(ours, plain).client() as client:
        headers = {"content-type": "application/json"}
        answers = [await client.post(f"/api/v1/{path}", content=content, headers=headers) for path in ("ours", "plain")]
    problem, other = (answer.json() for answer in answers)
    assert problem["status"] == other["status"] == 422
    assert [(one["pointer"], one["message"]) for one in problem["errors"]] == [(one["pointer"], one["message"]) for one in other["errors"]]
    return problem


def library_texts(model: type[BaseModel], value: Any) -> set[str]:
    try:
        model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        return {one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ") for one in error.errors()}
    return set()


NOT_JSON: Mapping[str, str] = {
    "{": "the text ends too early at line 1, column 1",
    "[1": "the text ends too early at line 1, column 2",
    '"a': "the text ends too early at line 1, column 2",
    '{"a" 1}': "a colon is missing at line 1, column 6",
    '{"a":1 "b":2}': "a comma or a closing bracket is missing at line 1, column 8",
    '{"a":\n"b"\n "c"}': "a comma or a closing bracket is missing at line 3, column 2",
    "truth": "a word is not true, false or null at line 1, column 4",
    '{"a":"\\x"}': "a backslash does not start a valid escape at line 1, column 8",
    "01": "a number is malformed at line 1, column 2",
    '{"a":' + "9" * 5000 + "}": "a number has too many digits at line 1, column 4307",
    '{"a":"\x01"}': "a control character is not written as an escape at line 1, column 7",
    "{1:2}": "a name in double quotes is missing at line 1, column 2",
    '{"a":"\\ud800"}': "an escape is only half of a surrogate pair at line 1, column 13",
    '{"a":"\\udfff"}': "an escape is only half of a surrogate pair at line 1, column 12",
    '{"a":1,}': "a comma precedes a closing bracket at line 1, column 8",
    "{}{}": "more text follows the JSON value at line 1, column 3",
    "<a/>": "a value is missing at line 1, column 1",
}


@pytest.mark.parametrize("content", NOT_JSON)
async def test_a_body_that_is_not_json_is_refused_in_our_words_with_the_position(content: str) -> None:
    router = Router(prefix="/ours")

    @router.post("", RouteOptions(auth="optional"))
    async def take(body: Inner) -> ThingDTO:
        return ThingDTO(id=THING, name=body.name, version=1)

    async with shell(router).client() as client:
        answer = await client.post("/api/v1/ours", content=content.encode(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, f"The body is not JSON: {NOT_JSON[content]}.")


def test_every_message_of_the_standard_librarys_parser_has_our_words() -> None:
    source = "".join(path.read_text() for path in Path(json.__file__).parent.glob("*.py"))
    raised = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "JSONDecodeError"]
    texts = [node.args[0].value for node in raised if isinstance(node.args[0], ast.Constant)]
    assert len(texts) > 8
    assert not [text for text in texts if json_reason(text) == json_reason("unheard of")]


def test_an_application_keeps_the_words_of_its_own_codes() -> None:
    assert validation_message("nul", {}, "must not contain the character NUL") == "must not contain the character NUL"
    assert json_reason("unheard of") == "the syntax is wrong"
    assert set(REASONS.values()).isdisjoint(REASONS)
