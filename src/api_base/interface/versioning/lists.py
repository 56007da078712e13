"""Lists of an older version: their filters and sorts by older fields, as filters and sorts by the newest ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, get_type_hints

from api_base.application.common.listing import Field, Fields, ListRequest, Sort
from api_base.core.errors import Invalid
from api_base.domain.common.specification import FieldSpecification
from api_base.interface.routes import ListQuery
from api_base.interface.routes.parameters import renamed_filters
from api_base.interface.routes.single_values import optional
from api_base.interface.versioning.changes import Change, Comparison, located
from api_base.interface.versioning.pointers import ChangesOf


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A change of the class that is at `prefix` in what a list has: `author.` for its field `author`, and empty for the class itself."""

    prefix: str
    change: Change

    def fields(self, declared: Sequence[Field]) -> list[Field]:
        """Return the fields by which a list filters and sorts before the change."""
        within = [one for one in declared if one.name.startswith(self.prefix)]
        older = [
            replace(one, name=self.prefix + one.name, needs=one.needs and self.prefix + one.needs)
            for one in self.change.fields([self._inner(one) for one in within])
        ]
        first = next((number for number, one in enumerate(declared) if one in within), 0)
        return [*declared[:first], *older, *(one for one in declared[first:] if one not in within)]

    def comparisons(self, one: Comparison, newer: Mapping[str, Field]) -> Sequence[Comparison]:
        """Return the comparisons since the change that say what `one` says before it. `newer` are the fields since then."""
        if not one.field.startswith(self.prefix):
            return [one]
        inner = FieldSpecification[Any](one.field.removeprefix(self.prefix), one.operator, one.value)
        fields = {name.removeprefix(self.prefix): self._inner(field) for name, field in newer.items() if name.startswith(self.prefix)}
        try:
            found = self.change.comparisons(inner, fields)
        except Invalid as error:
            raise renamed_filters(error, lambda name: self.prefix + name) from None
        return [FieldSpecification(self.prefix + other.field, other.operator, other.value) for other in found]

    def sorts(self, one: Sort) -> Sequence[Sort]:
        """Return the sorts since the change that order as `one` orders before it."""
        if not one.field.startswith(self.prefix):
            return [one]
        inner = replace(one, field=one.field.removeprefix(self.prefix))
        return [replace(other, field=self.prefix + other.field) for other in self.change.sorts(inner)]

    def older_name(self, name: str) -> str:
        """Return the name that a field has before the change."""
        return (
            self.prefix + ".".join(located([self.change], name.removeprefix(self.prefix).split(".")))
            if name.startswith(self.prefix)
            else name
        )

    def _inner(self, one: Field) -> Field:
        return replace(one, name=one.name.removeprefix(self.prefix), needs=one.needs and one.needs.removeprefix(self.prefix))


def listed_changes(listed: Any, changes_of: ChangesOf, prefix: str = "", within: Sequence[Any] = ()) -> Iterator[ListedChange]:
    """Yield the changes of the class that a list has, the newest first, after those of the classes in it. `within` are those that it is in."""
    if is_dataclass(listed) and isinstance(listed, type) and listed not in within:
        hints = get_type_hints(listed)
        for one in fields(listed):
            yield from listed_changes(optional(hints[one.name]), changes_of, f"{prefix}{one.name}.", [*within, listed])
        for change in changes_of(listed):
            yield ListedChange(prefix, change)


def older_list(listing: ListQuery, changes: Sequence[ListedChange]) -> ListQuery:
    """Return a list that is filtered and sorted by the fields before `changes`."""
    declared: Sequence[Field] = list(listing.fields)
    stages: list[tuple[ListedChange, Mapping[str, Field]]] = []
    for change in changes:
        stages.append((change, {one.name: one for one in declared}))
        declared = change.fields(declared)

    def newest(request: ListRequest) -> ListRequest:
        for number in range(len(stages) - 1, -1, -1):
            change, newer = stages[number]
            try:
                request = request.on_other_fields(partial(change.comparisons, newer=newer), change.sorts)
            except Invalid as error:
                raise renamed_filters(error, partial(_older_name, changes[number + 1 :])) from None
        return request

    return replace(listing, fields=Fields(*declared, default_sort=()), newest=newest)


def _older_name(changes: Sequence[ListedChange], name: str) -> str:
    for change in changes:
        name = change.older_name(name)
    return name
