"""The fields of a generated resource, as they are written on the command line: `title:str`, `price:money?`, `status:open,done`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from api_base.core.errors import ConfigurationError
from api_base.generating.names import class_name, identifier

_MANAGED: Final = frozenset({"id", "version", "tenant_id", "user_id", "created_at", "updated_at", "deleted_at"})
_TAKEN: Final = frozenset(
    {"record", "create", "change", "delete", "restore", "managed", "sent", "values", "collect_events", "ensure_valid", "cls", "now", "self"}
)
"""Names of methods of a resource and of its bodies, and of what the methods take."""
_MEANT_OTHERWISE: Final = frozenset({"limit", "cursor", "sort", "fields", "q", "include_total", "str", "int", "bool", "date", "datetime"})
"""Parameters of lists, and types: in a class, a field hides the type of its name."""
_CHOICE: Final = re.compile(r"[a-z][a-z0-9_]*(,[a-z][a-z0-9_]*)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """`annotation` and `shown` are the types in the class and its DTO. `sent` and `changed` are values of JSON, `made` one of Python, as code.
    `body` and `patched` are the types in the bodies of requests, where they are not `shown`.

    `public` are the names that the annotations need of `api_base`, `imports` those of other modules, as statements.
    """

    annotation: str
    shown: str
    sent: str
    changed: str
    made: str
    body: str = ""
    patched: str = ""
    public: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    filtered: bool = True
    sorted: bool = False
    searched: bool = False


_UUIDS: Final = ('"0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"', '"0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a11"')
TYPES: Final[Mapping[str, FieldType]] = {
    "str": FieldType(
        annotation="Annotated[str, TextRule(max_length=200)]", body="Annotated[str, Field(min_length=1, max_length=200)]",
        shown="str", sent='"Example"', changed='"Changed"', made='"Example"',
        public=("TextRule",), imports=("from typing import Annotated",), sorted=True, searched=True,
    ),
    "text": FieldType(
        annotation="Annotated[str, TextRule(max_length=10_000, lines=True)]", body="Annotated[str, Field(min_length=1, max_length=10_000)]",
        shown="str", sent='"Some text"', changed='"Other text"', made='"Some text"',
        public=("TextRule",), imports=("from typing import Annotated",), filtered=False, searched=True,
    ),
    "int": FieldType(
        annotation="int", shown="int", sent="1", changed="2", made="1", body="Annotated[int, Field(ge=-(2**63), lt=2**63)]", sorted=True
    ),
    "bool": FieldType(annotation="bool", shown="bool", sent="False", changed="True", made="False"),
    "date": FieldType(
        annotation="date", shown="date", sent='"2026-01-31"', changed='"2026-02-28"', made="date(2026, 1, 31)",
        imports=("from datetime import date",), sorted=True,
    ),
    "datetime": FieldType(
        annotation="datetime", shown="datetime", body="UtcTime", sent='"2026-01-31T12:00:00Z"', changed='"2026-02-28T12:00:00Z"',
        made="datetime(2026, 1, 31, 12, tzinfo=UTC)", imports=("from datetime import datetime",), sorted=True,
    ),
    "uuid": FieldType(
        annotation="UUID", shown="UUID", sent=_UUIDS[0], changed=_UUIDS[1], made=f"UUID({_UUIDS[0]})", imports=("from uuid import UUID",)
    ),
    "money": FieldType(
        annotation="Money", shown="MoneyDTO", body="Price", patched="PricePatchBody",
        sent='{"amount": "12.50", "currency": "EUR"}', changed='{"amount": "99.00", "currency": "EUR"}',
        made='Money(minor=1250, currency="EUR")', public=("Money", "MoneyDTO"),
    ),
}  # fmt: skip
_KEY: Final = FieldType(
    annotation="Annotated[str, SlugRule()]",
    shown="str",
    sent='"example"',
    changed='"changed"',
    made='"example"',
    public=("SlugRule",),
    imports=("from typing import Annotated",),
    filtered=False,
)
"""Paths find a resource by its slug, so lists are neither filtered nor sorted by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field. `choices` are the values of its enumeration, if it is one."""

    name: str
    type: FieldType
    nullable: bool = False
    choices: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The field of the class."""
        return f"{self.name}: {self.type.annotation}{' | None = None' * self.nullable}"

    @property
    def shown_line(self) -> str:
        """The field of the DTO."""
        return f"{self.name}: {self.type.shown}{' | None' * self.nullable}"

    @property
    def enumeration(self) -> str:
        """The class of its values; empty if it is no enumeration."""
        if not self.choices:
            return ""
        members = "".join(f'    {one.upper()} = "{one}"\n' for one in self.choices)
        return f"class {self.type.annotation}(StrEnum):\n{members}"


def fields_of(written: Sequence[str], resource: str, key: str | None = None) -> list[FieldSpec]:
    """Return the fields of the class `resource`, the slug `key` last. Raises `ConfigurationError` for one that is not `name:type`, or that is named twice."""
    fields = [_field(one, resource) for one in written]
    if not fields:
        raise ConfigurationError(f"{resource} needs fields. Write name:type, as in title:str. Types: {_types()}.")
    if key is not None:
        fields.append(FieldSpec(name=_name(key), type=_KEY))
    names = [one.name for one in fields]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigurationError(f"The field {twice!r} is named twice. Remove one.")
    return fields


def _name(name: str) -> str:
    identifier(name, "a field")
    if name in _MANAGED or name in _TAKEN or (name.startswith("model_") and hasattr(BaseModel, name)):
        raise ConfigurationError(f"{name!r} cannot be a field: every resource has an attribute of this name. Choose another name.")
    if name in _MEANT_OTHERWISE:
        raise ConfigurationError(f"{name!r} cannot be a field: it is a parameter of lists, or a type. Choose another name.")
    return name


def _field(written: str, resource: str) -> FieldSpec:
    name, _, kind = written.partition(":")
    _name(name)
    plain = kind.removesuffix("?")
    nullable = plain != kind
    if plain in TYPES:
        return FieldSpec(name=name, type=TYPES[plain], nullable=nullable)
    if _CHOICE.fullmatch(plain) and len(set(choices := plain.split(","))) == len(choices):
        cls = f"{resource}{class_name(name)}"
        first, second = (f'"{one}"' for one in choices[:2])
        made = f"{cls}.{choices[0].upper()}"
        type = FieldType(annotation=cls, shown=cls, sent=first, changed=second, made=made, imports=("from enum import StrEnum",))
        return FieldSpec(name=name, type=type, nullable=nullable, choices=tuple(choices))
    raise ConfigurationError(f"{written!r} is no field. Write name:type, with ? after a type that may be null. Types: {_types()}.")


def _types() -> str:
    return f"{', '.join(TYPES)}, or the values of an enumeration, as in status:open,done"
