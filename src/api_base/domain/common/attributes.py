"""What the fields of a class say about themselves, for what is derived from them: columns, bodies, filters, DTOs."""

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import Parameter, signature
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A public field of a class.

    `kind` is its type at runtime (`str`, `tuple`, `Money`), `elements` are the types in the brackets after it. `notes` are the values that
    `Annotated` adds, such as a `TextRule`. `default` is `Parameter.empty` for a field that must be given.
    """

    name: str
    kind: Any
    elements: tuple[Any, ...] = ()
    nullable: bool = False
    notes: tuple[Any, ...] = ()
    default: Any = Parameter.empty

    @property
    def required(self) -> bool:
        """Return whether an object cannot be made without a value."""
        return self.default is Parameter.empty

    @property
    def shown(self) -> str:
        """Return the type as it is written."""
        name = str(getattr(self.kind, "__name__", self.kind))
        inner = ", ".join("..." if one is Ellipsis else attribute_of("", one).shown for one in self.elements)
        return f"{name}[{inner}]" * bool(inner) + name * (not inner) + " | None" * self.nullable


def attributes_of(cls: type[Any]) -> Mapping[str, Attribute]:
    """Return the public fields that make an object of `cls`, by name, in their order. Raises `NameError` for a type that does not exist at runtime."""
    hints = get_type_hints(cls.__init__, include_extras=True) | get_type_hints(cls, include_extras=True)
    parameters = {name: one for name, one in signature(cls).parameters.items() if not name.startswith("_")}
    return {name: attribute_of(name, hints.get(name, Any), one.default) for name, one in parameters.items()}


def attribute_of(name: str, hint: Any, default: Any = Parameter.empty) -> Attribute:
    """Return what a type hint says."""
    notes: tuple[Any, ...] = ()
    nullable = False
    while True:
        if get_origin(hint) is Annotated:
            hint, notes = get_args(hint)[0], (*notes, *get_args(hint)[1:])
        elif get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
            nullable, hint = True, Union[tuple(one for one in get_args(hint) if one is not NoneType)]  # noqa: UP007 -- made of a tuple
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        else:
            break
    return Attribute(name=name, kind=get_origin(hint) or hint, elements=get_args(hint), nullable=nullable, notes=notes, default=default)
