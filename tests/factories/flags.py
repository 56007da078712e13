"""Flags: documents that are valid by default, any valid document, any context, and the flags of OpenFeature's provider kit."""

from typing import Any

from hypothesis import strategies as st

from api_base.domain.flags.definition import FlagDefinition, FlagType, Operator
from api_base.domain.flags.document import parse
from api_base.domain.flags.evaluation import Snapshot
from api_base.domain.flags.values import MAX_INTEGER

HIT = "5c3d8535-f81a-4478-a6d3-afaa4d51199e"
MISS = "f20bd32d-703b-48b6-bc8e-79d53c85134a"
MAX_INT32 = 2**31 - 1
TEMPLATE = {"showImages": True, "title": "Check out these pics!", "imagesPerPage": 100}


def document(**changes: Any) -> dict[str, Any]:
    """Describe a boolean flag that is off for everybody."""
    return {"key": "new-checkout", "type": "boolean", "variants": {"on": True, "off": False}, "default_variant": "off"} | changes


def flag(**changes: Any) -> FlagDefinition:
    return parse(document(**changes))


def snapshot(*documents: dict[str, Any], **options: Any) -> Snapshot:
    return Snapshot([parse(one) for one in documents], **options)


def percentage(on: int, **changes: Any) -> dict[str, Any]:
    """Describe a flag that is on for `on` hundredths of a percent of the users."""
    return document(rules=[{"split": {"on": on, "off": 10_000 - on}}], **changes)


def _plain(key: str, kind: str, variants: dict[str, Any], default: str, **changes: Any) -> dict[str, Any]:
    return {"key": key, "type": kind, "variants": variants, "default_variant": default} | changes


def _four(prefix: str, **changes: Any) -> list[dict[str, Any]]:
    return [
        _plain(f"{prefix}boolean-flag", "boolean", {"on": True, "off": False}, "on", **changes),
        _plain(f"{prefix}string-flag", "string", {"greeting": "hi", "parting": "bye"}, "greeting", **changes),
        _plain(f"{prefix}integer-flag", "integer", {"one": 1, "ten": 10}, "ten", **changes),
        _plain(f"{prefix}float-flag", "float", {"tenth": 0.1, "half": 0.5}, "half", **changes),
    ]


def canonical() -> list[dict[str, Any]]:
    """The flags that the provider kit of OpenFeature assumes [open-feature/spec, assets/provider-tck, canonical-flags.json]."""
    hit = {"conditions": [{"attribute": "user", "operator": "in", "values": [HIT]}], "variant": "hit"}
    return [
        *_four(""),
        *_four("disabled-", enabled=False),
        _plain("large-integer-flag", "integer", {"one": 1, "max-int32": MAX_INT32}, "max-int32"),
        _plain("huge-integer-flag", "integer", {"one": 1, "max-safe": MAX_INTEGER}, "max-safe"),
        _plain("integral-float-flag", "float", {"tenth": 0.1, "ten": 10.0}, "ten"),
        _plain("boolean-zero-flag", "boolean", {"zero": False, "non-zero": True}, "zero"),
        _plain("integer-zero-flag", "integer", {"zero": 0, "non-zero": 1}, "zero"),
        _plain("string-zero-flag", "string", {"zero": "", "non-zero": "str"}, "zero"),
        _plain("object-flag", "object", {"empty": {}, "template": TEMPLATE}, "template"),
        _plain("wrong-flag", "string", {"one": "uno", "two": "dos"}, "one"),
        _plain("targeting-key-flag", "string", {"miss": "miss", "hit": "hit"}, "miss", rules=[hit]),
        _plain("changing-flag", "string", {"foo": "foo", "bar": "bar"}, "foo"),
    ]


NAMES = st.from_regex(r"[a-z0-9](?:[a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)
ATTRIBUTES = st.sampled_from(["tenant", "user", "plan", "role", "country", "age"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
INTEGERS = st.integers(-MAX_INTEGER, MAX_INTEGER)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SAFE_FLOATS = st.floats(-MAX_INTEGER, MAX_INTEGER, allow_nan=False)
SCALARS = st.one_of(st.booleans(), TEXT, INTEGERS, SAFE_FLOATS)
JSON = st.recursive(st.one_of(st.none(), SCALARS), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
_VALUES = {
    FlagType.BOOLEAN: st.booleans(),
    FlagType.STRING: TEXT,
    FlagType.INTEGER: INTEGERS,
    FlagType.FLOAT: FLOATS,
    FlagType.OBJECT: st.dictionaries(TEXT, JSON, max_size=3),
}
_OPERANDS = {
    Operator.STARTS_WITH: TEXT,
    Operator.ENDS_WITH: TEXT,
    Operator.CONTAINS: TEXT,
    Operator.IN: SCALARS,
    Operator.NOT_IN: SCALARS,
}
_ORDERS = {Operator.GREATER, Operator.GREATER_OR_EQUAL, Operator.LESS, Operator.LESS_OR_EQUAL}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(Operator))
    values = [draw(INTEGERS | SAFE_FLOATS)] if operator in _ORDERS else draw(st.lists(_OPERANDS[operator], min_size=1, max_size=3))
    return {"attribute": draw(ATTRIBUTES), "operator": operator.value, "values": values}


@st.composite
def rules(draw: st.DrawFn, variants: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {"conditions": draw(st.lists(conditions(), max_size=2))}
    if draw(st.booleans()):
        return rule | {"variant": draw(st.sampled_from(variants))}
    cuts = sorted(draw(st.lists(st.integers(0, 10_000), min_size=len(variants) - 1, max_size=len(variants) - 1)))
    weights = [end - start for start, end in zip([0, *cuts], [*cuts, 10_000], strict=True)]
    split = rule | {"split": dict(zip(variants, weights, strict=True)), "bucket_by": draw(ATTRIBUTES)}
    return split | {"salt": draw(NAMES)} if draw(st.booleans()) else split


@st.composite
def documents(draw: st.DrawFn, key: st.SearchStrategy[str] = NAMES) -> dict[str, Any]:
    """Any valid document without prerequisites."""
    kind = draw(st.sampled_from(FlagType))
    variants = draw(st.dictionaries(NAMES, _VALUES[kind], min_size=1, max_size=4))
    names = sorted(variants)
    found = {"key": draw(key), "type": kind.value, "variants": variants, "default_variant": draw(st.sampled_from(names))}
    found |= {"enabled": draw(st.booleans()), "client": draw(st.booleans()), "rules": draw(st.lists(rules(names), max_size=3))}
    if draw(st.booleans()):
        found["off_variant"] = draw(st.sampled_from(names))
    if draw(st.booleans()):
        found |= {"starts_at": "2026-01-31T09:00:00.123456Z", "ends_at": "2026-02-28T09:00:00+02:00"}
    return found


CONTEXTS = st.dictionaries(
    ATTRIBUTES | st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.datetimes() | st.binary(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_size=6,
)
"""Any context, also what no JSON has: surrogates, NaN, huge integers, times, bytes."""
