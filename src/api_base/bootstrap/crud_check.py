"""What a declaration of `crud` names and the class does not have."""

from collections.abc import Iterator, Sequence

from api_base.application.common.resources.fields import unlisted
from api_base.domain.common.attributes import attributes_of
from api_base.domain.common.resource import Resource
from api_base.infrastructure.db.schema import DeclaredTable, Ownership, ownership


def misnamed(cls: type[Resource], what: str, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the names of filters or sorts."""
    for name in unlisted(cls, names):
        yield f"{what} name {name!r}, which is no attribute of {cls.__name__} that lists compare. It has {', '.join(attributes_of(cls))}."


def unsearchable(cls: type[Resource], names: Sequence[str], table: DeclaredTable) -> Iterator[str]:
    """Yield what is wrong with the attributes that a search names."""
    attributes = attributes_of(cls)
    for name in [name for name in names if name not in attributes or attributes[name].kind is not str]:
        yield f"search names {name!r}, which is no text of {cls.__name__}. Name attributes of type str, the title first."
    if names and attributes.get(names[0]) is not None and attributes[names[0]].nullable:
        yield f"search names {names[0]!r} as the title, which may be None. Name one that is never None first."
    if names and ownership(table) is not Ownership.TENANT:
        yield f"search needs a table that tenants own: the words of {table.name!r} would be those of nobody. Leave search out."
