"""What the rows of an import are, for a plain resource: its fields are the targets, and its request bodies say what they accept."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ValidationError

from api_base.application.common.importing.schema import ImportSchema, Target, Values, as_text, json_text
from api_base.application.common.resources.importing import ResourceRow
from api_base.core.errors import ApiBaseError, Invalid, ProgrammingError
from api_base.domain.common.attributes import Attribute, attribute_of
from api_base.domain.common.resource import Resource, entered, own_attributes
from api_base.domain.common.value_objects import Money
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.routes.renaming import WIRES, Rename, Wire
from api_base.interface.v1.bodies.money import Price
from api_base.interface.v1.bodies.resources import ResourceBody
from api_base.interface.versioning import Change
from api_base.interface.versioning.changes import located
from api_base.interface.versioning.fields import reshaped
from api_base.interface.versioning.kept import unchanged
from api_base.interface.versioning.shapes import NEWEST, Shapes

_CURRENCY: Final = "_currency"
"""Ends the name of the target for the currency of money; the amount has the name of the field."""
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}(?:\.[0-9]{1,19})?")
_encode = msgspec.json.Encoder().encode


def import_schema(
    cls: type[Resource],
    kind: str,
    key: str,
    create_body: type[ResourceBody],
    patch_body: type[ResourceBody],
    rename: Rename | None = None,
    shapes: Shapes = NEWEST,
) -> ImportSchema[ResourceRow]:
    """Return the declaration of an import of `cls`, whose rows are identified by the attribute `key`.

    Columns, targets and errors have the names that clients of the routes see, in the version of the API that has `shapes`.
    """
    wire: Wire = WIRES[rename] if rename else str
    changes, creating, changing = (
        shapes.changes_of(create_body),
        shapes.of(create_body),
        shapes.of(patch_body),
    )  # here: rows are read in threads
    attributes = _before(own_attributes(cls), create_body, changes)
    targets = [target for one in attributes.values() for target in _targets(one)]
    named = [wire(target.name) for target in targets]
    if twice := [name for name in named if named.count(name) > 1]:
        raise ProgrammingError(f"The import of {kind} would have two columns {twice[0]!r}, one of them of money. Rename the other field.")
    own_names = {wire(target.name): target.name for target in targets}

    def sent(values: Values, body: type[ResourceBody]) -> tuple[Any, ResourceBody]:
        """Return the body that the values are, and the newest one that it becomes."""
        with _naming((), wire):
            found = _read(attributes, {own: values.get(name) for name, own in own_names.items()}, body)
            return found, shapes.asked(found)

    def row(values: Values) -> ResourceRow:
        found, newest = sent(values, creating)
        with _naming(changes, wire):
            made = newest.values()
            stored = entered(cls, {key: made[key]})[key]
        return ResourceRow(
            key=stored,
            values=made,
            unchanged=(lambda dto: unchanged(found, dto, shapes)) if creating is not create_body else None,
            named=lambda error: _named(error, changes, wire),
        )

    def check_constants(given: Mapping[str, str]) -> None:
        constants = {own_names[name]: value for name, value in given.items()}
        currencies = {f"{name}{_CURRENCY}" for name, one in attributes.items() if one.kind is Money}
        money = {name for name in constants if f"{name}{_CURRENCY}" in currencies and f"{name}{_CURRENCY}" not in constants}
        _, newest = sent({wire(name): value for name, value in constants.items() if name not in money}, changing)
        with _naming(changes, wire):
            entered(cls, newest.values())

    return ImportSchema(
        kind=kind,
        targets=tuple(replace(target, name=wire(target.name)) for target in targets),
        key=wire(located(changes, [key])[0]),
        key_of=lambda row: row.key,
        row=row,
        check_constants=check_constants,
    )


def _before(attributes: Mapping[str, Attribute], body: type[ResourceBody], changes: Sequence[Change]) -> Mapping[str, Attribute]:
    """Return what cells become before `changes` of the body, the newest first, by the older names."""
    shape = {name: (body.model_fields[name].annotation if name in body.model_fields else one.kind, one) for name, one in attributes.items()}
    for change in changes:
        if shape.keys() >= {*change.newer}:  # what a body of one's own has beside the attributes is no column
            shape = reshaped(change, shape, lambda hint, one: (hint, _of_hint(hint, one)))
    return {name: replace(one, name=name) for name, (_, one) in shape.items()}


def _of_hint(hint: Any, newer: Attribute) -> Attribute:
    made = attribute_of("", hint, newer.default)
    return replace(made, kind=Money) if made.kind is Price else made


@contextmanager
def _naming(changes: Sequence[Change], wire: Wire) -> Iterator[None]:
    """Name what is refused as the columns are named: the fields before `changes`."""
    try:
        yield
    except Invalid as error:
        raise _named(error, changes, wire) from None


def _named(error: ApiBaseError, changes: Sequence[Change], wire: Wire) -> ApiBaseError:
    if not isinstance(error, Invalid):
        return error

    def column(pointer: str) -> str:
        steps = located(changes, pointer.split("/")[1:])
        return "".join(f"/{step}" for step in [*map(wire, steps[:1]), *steps[1:]])

    return error.moved(column)


def _targets(one: Attribute) -> tuple[Target, ...]:
    target = Target(name=one.name, required=one.required, decimal=one.kind in (int, Money))
    return (target, Target(name=f"{one.name}{_CURRENCY}", required=one.required)) if one.kind is Money else (target,)


def _read(attributes: Mapping[str, Attribute], values: Values, body: type[ResourceBody]) -> ResourceBody:
    """Return the body with the fields that `values` has, as it accepts them from JSON. Raises `Invalid`.

    The value of a column that the file lacks is None.
    """
    given = [one for name, one in attributes.items() if values.get(name) is not None]
    sent = {one.name: value for one in given if (value := _sent(one, values)) is not _ABSENT}
    try:
        return body.model_validate_json(_encode(sent))
    except ValidationError as error:
        raise invalid_of(error) from None


class _Absent:
    """Stands for an empty cell of a field that has a default: the field keeps its value, or gets the default."""


_ABSENT: Final = _Absent()


def _sent(one: Attribute, values: Values) -> Any:
    """Return the JSON of a field."""
    if one.kind is Money:
        return _money(one, values)
    value = values[one.name]
    if one.kind is bool and isinstance(value, bool):
        return value
    if isinstance(one.kind, type) and issubclass(one.kind, list | Mapping | BaseModel):
        return json_text(value) if isinstance(value, str) else value
    text = as_text(value, one.name)
    if one.kind is str:
        return None if one.nullable and not text else text
    text = text.strip()
    if not text:
        return None if one.nullable else _ABSENT
    return _PARSED.get(one.kind, str)(text)


def _money(one: Attribute, values: Values) -> Any:
    """The amount is text with a currency beside it, or an object of both, as in the API."""
    value, beside = values[one.name], values.get(f"{one.name}{_CURRENCY}")
    value = json_text(value) if isinstance(value, str) and value.startswith("{") else value
    parts = (value.get("amount"), value.get("currency")) if isinstance(value, Mapping) else (value, beside)
    amount, currency = (as_text(part, one.name).strip() for part in parts)
    if not amount:
        return None if one.nullable else _ABSENT
    if not currency:
        raise Invalid.of(f"/{one.name}{_CURRENCY}", "missing", "is needed with an amount")
    return {"amount": amount, "currency": currency}


_PARSED: Final[Mapping[Any, Callable[[str], object]]] = {
    bool: lambda text: _BOOLEANS.get(text.lower(), text),
    int: lambda text: int(text) if _WHOLE.fullmatch(text) else text,
    float: lambda text: float(text) if _NUMBER.fullmatch(text) else text,
}
"""How the text of a cell becomes JSON. What it cannot be stays text, which the body refuses by name."""
