"""DTOs of entities, by the names of their fields."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from operator import attrgetter
from typing import Any, Final

from api_base.core.base import ValueObject
from api_base.core.shared.places import Declaration
from api_base.domain.common.attributes import Attribute, attribute_of, attributes_of

DECLARES_FOR_ITS_CALLERS: Final = True
type Conversion = Callable[[Any], Any]


class DtoOf[D](Declaration):
    """Makes a DTO of an entity: each field is the attribute of its name.

    An attribute of another type is converted by the `of` of the field's class (`MoneyDTO.of`), a value object becomes its `value`, and `convert` names
    conversions of one's own. A field may also be a property of the entity.
    """

    def __init__(self, dto: type[D], convert: Mapping[str, Conversion]) -> None:
        self.__post_init__()
        self.dto = dto
        self._fields, self._declared = attributes_of(dto), convert
        self._read = attrgetter(*self._fields) if len(self._fields) > 1 else lambda entity: (attrgetter(*self._fields)(entity),)
        self._converted: Mapping[type[Any], list[tuple[str, Conversion]]] = {}

    def __call__(self, entity: Any) -> D:
        """Return the DTO of `entity`."""
        values = dict(zip(self._fields, self._read(entity), strict=True))
        for name, convert in self._conversions(type(entity)):
            if values[name] is not None:
                values[name] = convert(values[name])
        return self.dto(**values)

    def _conversions(self, cls: type[Any]) -> list[tuple[str, Conversion]]:
        found = self._converted.get(cls)
        if found is None:
            attributes = attributes_of(cls)
            by_name = {name: self._conversion(one, attributes.get(name)) for name, one in self._fields.items()}
            found = [(name, one) for name, one in by_name.items() if one is not None]
            self._converted = {**self._converted, cls: found}
        return found

    def _conversion(self, field: Attribute, attribute: Attribute | None) -> Conversion | None:
        if field.name in self._declared:
            return self._declared[field.name]
        if attribute is None or attribute.kind == field.kind:
            return None
        of: Conversion | None = getattr(field.kind, "of", None)
        if is_dataclass(field.kind) and of is not None:
            return of
        return attrgetter("value") if _has_value(attribute, field) else None

    def faults(self, cls: type[Any]) -> Iterator[str]:
        """Yield what does not fit if the entities are of `cls`, with what to write."""
        attributes, dto = attributes_of(cls), self.dto.__name__
        for name, field in self._fields.items():
            attribute = attributes.get(name)
            if attribute is None:
                if not hasattr(cls, name):
                    yield f"{dto}.{name} is no attribute of {cls.__name__}. It has {', '.join(attributes)}. Rename the field, or add a property."
            elif attribute.kind != field.kind and self._conversion(field, attribute) is None:
                yield (
                    f"{dto}.{name} is {field.shown}, but {cls.__name__}.{name} is {attribute.shown}. "
                    f"Write one type for both, or dto_of({dto}, {name}=…)."
                )
            elif attribute.nullable and not field.nullable and name not in self._declared:
                yield f"{dto}.{name} is never None, but {cls.__name__}.{name} may be. Write {field.shown} | None."


def _has_value(attribute: Attribute, field: Attribute) -> bool:
    if not isinstance(attribute.kind, type) or not issubclass(attribute.kind, ValueObject):
        return False
    inner = attributes_of(attribute.kind)
    return list(inner) == ["value"] and inner["value"].kind == attribute_of("", field.kind).kind


def dto_of[D](dto: type[D], **convert: Conversion) -> DtoOf[D]:
    """Return the function from an entity to `dto`.

    >>> from dataclasses import dataclass
    >>> from uuid import UUID
    >>> from api_base.core.base import Entity
    >>> @dataclass(slots=True, kw_only=True, eq=False)
    ... class Note(Entity):
    ...     title: str
    >>> @dataclass(frozen=True, slots=True, kw_only=True)
    ... class NoteDTO:
    ...     id: UUID
    ...     title: str
    >>> dto_of(NoteDTO)(Note(id=UUID(int=1), title="Milk"))
    NoteDTO(id=UUID('00000000-0000-0000-0000-000000000001'), title='Milk')
    """
    return DtoOf(dto, convert)
