"""What a declaration of `crud` names and the class does not have."""

from collections.abc import Iterator, Sequence
from typing import Final

from api_base.application.common.resources.fields import unlisted
from api_base.domain.common.attributes import attributes_of
from api_base.domain.common.resource import Resource, RestorableResource, own_attributes, rules_of
from api_base.domain.common.text import TextRule
from api_base.domain.common.value_objects import SlugRule
from api_base.infrastructure.db.query_builder.text_search import COMPUTED
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, is_unique, owner_column, ownership, unique_name

_PARAMETERS: Final = frozenset({"cls", "now", "self"})
"""Those of the methods that take attributes by name."""
MAX_INDEXED: Final = 600
"""Characters of a text that an index of a list holds: an entry has at most 2704 bytes, a character up to 4."""


def refusals(
    cls: type[Resource],
    table: DeclaredTable,
    *,
    filters: Sequence[str],
    sorts: Sequence[str],
    search: Sequence[str],
    key: str | None,
    imports: bool,
) -> Iterator[str]:
    """Yield what is wrong with what `crud` was given."""
    yield from shadowing(cls)
    yield from misnamed(cls, "filters", filters)
    yield from misnamed(cls, "sorts", sorts)
    yield from unsearchable(cls, search, table)
    yield from unnameable(cls, key, table)
    if imports and key is None:
        yield f"{cls.__name__} has imports=True and no key, by which a row of a file finds its resource. Add key=…, or leave imports out."
    if imports and ownership(table) is not Ownership.TENANT:
        yield f"{cls.__name__} has imports=True and no tenant_id: files that are imported belong to a tenant. Leave imports out."


def shadowing(cls: type[Resource]) -> Iterator[str]:
    """Yield the attributes with the name of a method of the base, which would be called in vain, or of a parameter, which would be given twice."""
    bases = [base for base in RestorableResource.__mro__ if issubclass(cls, base)]
    methods = {name for base in bases for name in vars(base) if callable(getattr(base, name))}
    for name in own_attributes(cls):
        if name in methods:
            yield f"{cls.__name__} has the attribute {name!r}, which is a method that the base calls. Give the attribute another name."
        elif name in _PARAMETERS:
            yield f"{cls.__name__} has the attribute {name!r}, which is a parameter of create or change. Give the attribute another name."


def misnamed(cls: type[Resource], what: str, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the names of filters or sorts."""
    for name in unlisted(cls, names):
        yield f"{what} name {name!r}, which is no attribute of {cls.__name__} that lists compare. It has {', '.join(attributes_of(cls))}."
    for name, one in attributes_of(cls).items():
        longest = min((rule.max_length for rule in rules_of(one) if isinstance(rule, TextRule)), default=0)
        if name in names and longest > MAX_INDEXED:
            yield (
                f"{what} name {name!r}, which may have {longest} characters. An index holds at most {MAX_INDEXED}, so longer texts could not be stored. "
                "Write a smaller max_length, or let q search it."
            )


def unnameable(cls: type[Resource], key: str | None, table: DeclaredTable) -> Iterator[str]:
    """Yield what is wrong with the attribute whose text names the resource in URLs."""
    if key is None:
        return
    attribute = attributes_of(cls).get(key)
    if attribute is None or attribute.nullable or not any(isinstance(rule, SlugRule) for rule in rules_of(attribute)):
        yield f"key names {key!r}, which is no slug of {cls.__name__} that is never None. Write {key}: Annotated[str, SlugRule()]."
    elif not is_unique(table, key):
        columns = ", ".join(repr(one) for one in (owner_column(table), key) if one)
        yield (
            f"key names {key!r}, which no constraint of the table {table.name!r} makes unique. "
            f"Add sa.UniqueConstraint({columns}, name={unique_name(table.name, owner_column(table), key)!r}) to it."
        )


def unsearchable(cls: type[Resource], names: Sequence[str], table: DeclaredTable) -> Iterator[str]:
    """Yield what is wrong with the attributes that a search names."""
    attributes = attributes_of(cls)
    for name in [name for name in names if name not in attributes or attributes[name].kind is not str]:
        yield f"search names {name!r}, which is no text of {cls.__name__}. Name attributes of type str, the title first."
    if names and attributes.get(names[0]) is not None and attributes[names[0]].nullable:
        yield f"search names {names[0]!r} as the title, which may be None. Name one that is never None first."
    if names and (taken := sorted(COMPUTED.intersection(attributes))):
        yield f"search adds the columns {' and '.join(sorted(COMPUTED))} to the table {table.name!r}. Name {' and '.join(map(repr, taken))} of {cls.__name__} otherwise."
    if names and ownership(table) is not Ownership.TENANT:
        yield f"search needs a table that tenants own: the words of {table.name!r} would be those of nobody. Leave search out."
