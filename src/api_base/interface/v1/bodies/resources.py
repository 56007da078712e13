"""Request bodies of plain resources, from the attributes that a caller sets."""

import warnings
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, create_model
from pydantic_core import PydanticCustomError

from api_base.domain.common.attributes import Attribute
from api_base.domain.common.numbers import NumberRule
from api_base.domain.common.resource import Resource, own_attributes, rules_of
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import Money, SlugRule
from api_base.interface.v1.bodies.base import Body
from api_base.interface.v1.bodies.money import Price, PricePatchBody

_PLAIN: Final = (bool, UUID, datetime, date)
_METHODS: Final = frozenset({"sent", "values", *(name for name in dir(BaseModel) if name.startswith("model_"))})
"""What is called of a body. Other methods of pydantic's, such as `copy`, are not, and their names may be those of members."""
_EXAMPLES: Final[Mapping[Any, Any]] = {
    bool: True,
    UUID: "0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10",
    datetime: "2026-01-31T12:00:00Z",
    date: "2026-01-31",
    Money: {"amount": "12.50", "currency": "EUR"},
}


def _in_utc(value: datetime) -> datetime:
    """Return a time as it is stored and shown. PostgreSQL would take one without a zone for one of the zone of the process."""
    if value.utcoffset() is None:
        raise PydanticCustomError("timezone", "must have a time zone, as in 2026-01-31T12:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("range", "must be in the years 1 to 9999 in UTC") from None


UtcTime = Annotated[datetime, AfterValidator(_in_utc)]
"""A time with a zone, in the body of a request: it is stored and shown in UTC."""
UNSENT: Final[Any] = Field(default_factory=lambda: None)
"""The default of a member that a merge patch may leave out and that is never null: the document shows none."""


class ResourceBody(Body):
    """The base of the bodies of requests that create or change a plain resource."""

    def values(self) -> dict[str, Any]:
        """Return the members that were sent, as the resource takes them. Raises `Invalid`."""
        return {name: _value(name, value) for name, value in self.sent().items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, Price):
        return value.money(f"/{name}")
    return value.patch() if isinstance(value, PricePatchBody) else value


def create_body(cls: type[Resource]) -> type[ResourceBody]:
    """Return the body that creates a resource: members without a default are required."""
    return _made(
        f"Create{cls.__name__}Body",
        cls,
        {name: (_type(one, Price), _field(one, ... if one.required else one.default)) for name, one in _described(cls).items()},
    )


def patch_body(cls: type[Resource]) -> type[ResourceBody]:
    """Return the merge patch of a resource [RFC 7396]: missing members stay unchanged, null removes the value of a nullable one."""
    made = _made(
        f"Patch{cls.__name__}Body", cls, {name: (_type(one, PricePatchBody), _field(one, None)) for name, one in _described(cls).items()}
    )
    made.__doc__ = "A merge patch: missing members stay unchanged; null removes the values of nullable ones."
    return made


def _made(name: str, cls: type[Resource], members: dict[str, Any]) -> type[ResourceBody]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Field name .* shadows an attribute in parent", UserWarning)
        made: type[ResourceBody] = create_model(name, __base__=ResourceBody, __module__=cls.__module__, **members)
    return made


def undescribed(cls: type[Resource]) -> Iterator[str]:
    """Yield why attributes that a caller sets have no member in a body, with what to write."""
    for name, one in own_attributes(cls).items():
        if name in _METHODS:
            yield f"{cls.__name__}.{name} has the name of a method of request bodies. Rename it."
        elif one.kind is str and not any(isinstance(rule, TextRule) for rule in rules_of(one)):
            yield f"{cls.__name__}.{name} has no limit. Write Annotated[str, TextRule(max_length=…)]."
        elif one.kind not in (str, int, Money, *_PLAIN) and not _is_enumeration(one.kind):
            yield f"{cls.__name__}.{name} is {one.shown}, which a body made of the class cannot have. Pass create_with and change_with to crud."


def example_of(cls: type[Resource], *, but: Collection[str] = ()) -> Mapping[str, Any]:
    """Return a valid body that creates a resource, with the members that it must have."""
    return {name: _example(one) for name, one in _described(cls).items() if one.required and name not in but}


def _described(cls: type[Resource]) -> Mapping[str, Attribute]:
    return {
        name: one
        for name, one in own_attributes(cls).items()
        if name not in _METHODS and (one.kind in (str, int, Money, *_PLAIN) or _is_enumeration(one.kind))
    }


def _is_enumeration(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _type(one: Attribute, money: type[Body]) -> Any:
    kind = money if one.kind is Money else one.kind
    if kind is str:
        rules = [rule for rule in rules_of(one) if isinstance(rule, TextRule)]
        longest = min((rule.max_length for rule in rules), default=0)
        least = 0 if all(rule.optional for rule in rules) else 1
        kind = Annotated[str, Field(min_length=least, max_length=longest)]
    elif kind is datetime:
        kind = UtcTime
    elif kind is int:
        bounds = [rule for rule in rules_of(one) if isinstance(rule, NumberRule)] or [NumberRule()]
        kind = Annotated[int, Field(ge=max(rule.least for rule in bounds), le=min(rule.most for rule in bounds))]
    return kind | None if one.nullable else kind


def _field(one: Attribute, default: Any) -> Any:
    """A default that is no value of the member, or that a function makes, is one that the document does not show."""
    plain = default is ... or (one.nullable if default is None else isinstance(default, one.kind))
    return Field(default=default) if plain else UNSENT


def _example(one: Attribute) -> Any:
    if _is_enumeration(one.kind):
        return next(iter(one.kind)).value
    if any(isinstance(rule, SlugRule) for rule in rules_of(one)):
        return "example"
    bounds = [rule.least for rule in rules_of(one) if isinstance(rule, NumberRule)]
    longest = min((rule.max_length for rule in rules_of(one) if isinstance(rule, TextRule)), default=None)
    return _EXAMPLES.get(one.kind, max(bounds, default=1) if one.kind is int else "Example"[:longest])
