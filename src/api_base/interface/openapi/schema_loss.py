"""What one JSON Schema accepts and another does not, as far as the schemas of an API go [JSON Schema 2020-12].

A request breaks if the new schema refuses what the old one accepted; a response breaks if the new schema allows what the old one did not. So both
are one question, asked in two directions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api_base.interface.openapi.schema_names import PREFIX

type Json = Mapping[str, Any]
type Loss = tuple[str, str, str]
"""The kind of a loss, the JSON Pointer of the value, and what is refused."""

_LOWER: Final = {"minLength": 0, "minItems": 0, "minProperties": 0, "minimum": None, "exclusiveMinimum": None}
_UPPER: Final = ("maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum")
_EXACT: Final = ("pattern", "multipleOf")
_COVERED: Final = {"integer": {"integer", "number"}}
"""Types that a value of another type has too."""


@dataclass(frozen=True)
class Losses:
    """`wide` and `narrow` are the schemas of the documents that the compared schemas refer to."""

    wide: Json
    narrow: Json
    _open: set[tuple[int, int]] = field(default_factory=set)

    def between(self, wide: Any, narrow: Any, at: str = "") -> Iterator[Loss]:
        """Yield what `wide` accepts at `at`, and `narrow` refuses."""
        wide, narrow = _resolved(wide, self.wide), _resolved(narrow, self.narrow)
        pair = (id(wide), id(narrow))
        if narrow is True or narrow == {} or pair in self._open:
            return
        self._open.add(pair)  # a schema that contains itself
        try:
            for one in _alternatives(wide, self.wide):
                yield from self._of_alternative(one, _alternatives(narrow, self.narrow), at)
        finally:
            self._open.remove(pair)

    def _of_alternative(self, wide: Json, narrow: Sequence[Json], at: str) -> Iterator[Loss]:
        found = [list(self._of_one(wide, one, at)) for one in narrow]
        if not all(found):
            return  # one of them accepts everything
        same = [losses for losses, one in zip(found, narrow, strict=True) if _types(wide) <= _covering(one)]
        yield from min(same or found, key=len)

    def _of_one(self, wide: Json, narrow: Json, at: str) -> Iterator[Loss]:
        if refused := sorted(_types(wide) - _covering(narrow)):
            yield "type", at, f"of type {' or '.join(refused)}"
            return
        yield from _of_values(wide, narrow, at)
        yield from _of_bounds(wide, narrow, at)
        yield from self._of_members(wide, narrow, at)
        if "items" in narrow and "array" in _types(wide):
            yield from self.between(wide.get("items", True), narrow["items"], f"{at}/*")

    def _of_members(self, wide: Json, narrow: Json, at: str) -> Iterator[Loss]:
        given, known, others = wide.get("properties", {}), narrow.get("properties", {}), narrow.get("additionalProperties", True)
        for name in narrow.get("required", ()):
            if name not in wide.get("required", ()):
                yield "required", f"{at}/{name}", "absent"
        for name, schema in given.items():
            if name in known:
                yield from self.between(schema, known[name], f"{at}/{name}")
            elif others is False:
                yield "unknown", f"{at}/{name}", "present"
            elif others is not True:
                yield from self.between(schema, others, f"{at}/{name}")


def _of_values(wide: Json, narrow: Json, at: str) -> Iterator[Loss]:
    known, given = _values(narrow), _values(wide)
    if known is not None and given is None and not _types(wide) <= {"null", "boolean"}:
        yield "enum", at, f"any other than {', '.join(map(repr, known))}"
    elif known is not None and given is not None and (lost := [one for one in given if one not in known]):
        yield "enum", at, " or ".join(map(repr, lost))
    elif given is None:
        for word in (*_EXACT, "format"):
            if word in narrow and narrow[word] != wide.get(word):
                yield word, at, f"not of {word} {narrow[word]}"


def _of_bounds(wide: Json, narrow: Json, at: str) -> Iterator[Loss]:
    if _values(wide) is not None:
        return
    for word, least in _LOWER.items():
        before, now = wide.get(word, least), narrow.get(word, least)
        if now is not None and now != least and (before is None or now > before):
            yield "bounds", at, f"with {word} below {now}"
    for word in _UPPER:
        before, now = wide.get(word), narrow.get(word)
        if now is not None and (before is None or now < before):
            yield "bounds", at, f"with {word} above {now}"


def _resolved(schema: Any, schemas: Json) -> Any:
    while isinstance(schema, Mapping) and "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(PREFIX)]
    if isinstance(schema, Mapping) and "allOf" in schema:
        return _merged(schema, schemas)
    return schema


def _merged(schema: Json, schemas: Json) -> Json:
    """Return one schema for those that must all accept a value."""
    made: dict[str, Any] = {name: value for name, value in schema.items() if name != "allOf"}
    for part in schema["allOf"]:
        for name, value in _resolved(part, schemas).items():
            if name == "properties":
                made[name] = {**value, **made.get(name, {})}
            elif name == "required":
                made[name] = [*made.get(name, ()), *value]
            else:
                made.setdefault(name, value)
    return made


def _alternatives(schema: Any, schemas: Json) -> list[Json]:
    if not isinstance(schema, Mapping):
        return [{}]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [other for one in schema[word] for other in _alternatives(_resolved(one, schemas), schemas)]
    return [schema]


def _types(schema: Json) -> set[str]:
    found = schema.get("type")
    if found is None and (values := _values(schema)) is not None:
        return {_NAMES[type(one)] for one in values}
    if found is None:
        return {"object"} if "properties" in schema else {"array", "boolean", "integer", "null", "number", "object", "string"}
    return {found} if isinstance(found, str) else set(found)


_NAMES: Final = {
    str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null", list: "array", dict: "object",
}  # fmt: skip


def _covering(schema: Json) -> set[str]:
    """Return the types of the values that `schema` accepts."""
    accepted = _types(schema)
    return {name for name in _NAMES.values() if _COVERED.get(name, {name}) & accepted}


def _values(schema: Json) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")
