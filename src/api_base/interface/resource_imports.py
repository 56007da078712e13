"""What the rows of an import are, for a plain resource: its fields are the targets, and its request bodies say what they accept."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import msgspec
from pydantic import ValidationError

from api_base.application.common.importing.schema import ImportSchema, Target, Values, as_text
from api_base.application.common.resources.importing import ResourceRow
from api_base.core.errors import Invalid
from api_base.domain.common.attributes import Attribute
from api_base.domain.common.resource import Resource, entered, own_attributes
from api_base.domain.common.value_objects import Money
from api_base.interface.errors.handlers import invalid_of
from api_base.interface.routes.renaming import WIRES, Rename, Wire
from api_base.interface.v1.bodies.resources import ResourceBody

_CURRENCY: Final = "_currency"
"""Ends the name of the target for the currency of money; the amount has the name of the field."""
_BOOLEANS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_encode = msgspec.json.Encoder().encode


def import_schema(
    cls: type[Resource], kind: str, key: str, create_body: type[ResourceBody], patch_body: type[ResourceBody], rename: Rename | None = None
) -> ImportSchema[ResourceRow]:
    """Return the declaration of an import of `cls`, whose rows are identified by the attribute `key`.

    Columns, targets and errors have the names that clients of the routes see.
    """
    wire: Wire = WIRES[rename] if rename else str
    attributes = own_attributes(cls)
    targets = [target for one in attributes.values() for target in _targets(one)]
    own_names = {wire(target.name): target.name for target in targets}

    @contextmanager
    def named() -> Iterator[None]:
        """Name what is refused as the columns are named."""
        try:
            yield
        except Invalid as error:
            raise Invalid([replace(one, pointer=_renamed(one.pointer, wire)) for one in error.violations]) from None

    def row(values: Values) -> ResourceRow:
        with named():
            read = _read(attributes, {own: values.get(name) for name, own in own_names.items()}, create_body)
            return ResourceRow(key=entered(cls, {key: read[key]})[key], values=read)

    def check_constants(given: Mapping[str, str]) -> None:
        constants = {own_names[name]: value for name, value in given.items()}
        currencies = {f"{name}{_CURRENCY}" for name, one in attributes.items() if one.kind is Money}
        money = {name for name in constants if f"{name}{_CURRENCY}" in currencies and f"{name}{_CURRENCY}" not in constants}
        with named():
            entered(cls, _read(attributes, {name: value for name, value in constants.items() if name not in money}, patch_body))

    return ImportSchema(
        kind=kind,
        targets=tuple(replace(target, name=wire(target.name)) for target in targets),
        key=wire(key),
        key_of=lambda row: row.key,
        row=row,
        check_constants=check_constants,
    )


def _renamed(pointer: str, wire: Wire) -> str:
    """Return a pointer with the name that its first member has for clients."""
    _, name, *rest = pointer.split("/")
    return "/".join(["", wire(name), *rest])


def _targets(one: Attribute) -> tuple[Target, ...]:
    target = Target(name=one.name, required=one.required, decimal=one.kind in (int, Money))
    return (target, Target(name=f"{one.name}{_CURRENCY}", required=one.required)) if one.kind is Money else (target,)


def _read(attributes: Mapping[str, Attribute], values: Values, body: type[ResourceBody]) -> dict[str, Any]:
    """Return the values of the fields that `values` has, as the body accepts them from JSON. Raises `Invalid`.

    The value of a column that the file lacks is None.
    """
    given = [one for name, one in attributes.items() if values.get(name) is not None]
    sent = {one.name: value for one in given if (value := _sent(one, values)) is not _ABSENT}
    try:
        return body.model_validate_json(_encode(sent)).values()
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
}
"""How the text of a cell becomes JSON. What it cannot be stays text, which the body refuses by name."""
