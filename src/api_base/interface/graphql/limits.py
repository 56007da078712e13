"""Limits on what a parsed document asks for, checked before it is validated: fields and spreads after expansion, depth, repeated fields, cost.

The number of selections after the expansion of fragments is computed first, from one visit of each definition; only a document within that limit
is walked as it would be executed. Some validation rules take quadratic time in the fields that share a response name, so that number is limited too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
)
from graphql.pyutils import Undefined

from api_base.interface.graphql.lexical import MAX_FIELDS
from api_base.interface.graphql.refused import LimitExceeded, RequestRefused

MAX_REPEATS: Final = 10
"""Fields of one response name in one object."""
DEFAULT_PAGE: Final = 50
"""Objects that a page without a size may have."""
LIST_SIZE: Final = 10
"""Objects that are expected in a list without pages."""
MUTATION_COST: Final = 10
_SIZES: Final = ("first", "last", "limit")
_LISTS: Final = ("ids",)

type Type = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType | None
type Size = int | tuple[str, int | None]
"""A number of objects, or the variable that says it with its default."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The arguments that say how many objects a field returns, and their number without any: the largest counts."""

    given: tuple[Size, ...]
    otherwise: int


type Factor = int | Sizes


@dataclass(slots=True)
class Price:
    """What a selection costs: `fixed`, and each of `scaled` multiplied."""

    fixed: int = 0
    scaled: "list[tuple[Factor, Price]]" = field(default_factory=list)

    def add(self, factor: Factor, price: "Price") -> None:
        """Add `price` `factor` times."""
        if isinstance(factor, int) and not price.scaled:
            self.fixed += factor * price.fixed
        else:
            self.scaled.append((factor, price))

    def total(self, variables: Mapping[str, Any]) -> int:
        """Return the cost with the values of the variables."""
        return self.fixed + sum(_size(factor, variables) * price.total(variables) for factor, price in self.scaled)


def _size(factor: Factor, variables: Mapping[str, Any]) -> int:
    if isinstance(factor, int):
        return factor
    found = [one if isinstance(one, int) else _number(variables.get(one[0], one[1])) for one in factor.given]
    return max((one for one in found if one is not None), default=factor.otherwise)


def _number(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    return max(1, int(value)) if isinstance(value, int | float) else None  # 200.0 is an Int as well


class _Repeats:
    """The fields of one response object, and how often each occurs."""

    __slots__ = ("counts", "inner")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.inner: dict[str, _Repeats] = {}

    def of(self, name: str) -> "_Repeats":
        count = self.counts[name] = self.counts.get(name, 0) + 1
        if count > MAX_REPEATS:
            raise LimitExceeded("repeats", MAX_REPEATS, f"One object selects the field {name[:50]!r} more than {MAX_REPEATS} times")
        return self.inner.setdefault(name, _Repeats())


def prices_of(document: DocumentNode, schema: GraphQLSchema, max_depth: int) -> dict[str, Price]:
    """Return the price of each operation by its name, "" without a name. Raises `LimitExceeded`, and `RequestRefused` for fragments in a circle."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    sizes = _Sizes(fragments)
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    expanded = sum(sizes.of(one.selection_set) for one in operations)
    if unused := sorted(fragments.keys() - sizes.visited):
        raise RequestRefused(f"The fragment {unused[0][:50]!r} is never used.", "VALIDATION")
    if expanded > MAX_FIELDS:
        raise LimitExceeded(
            "fields", MAX_FIELDS, f"The document selects more than {MAX_FIELDS} fields after the expansion of its fragments"
        )
    return {"" if one.name is None else one.name.value: _Walk(schema, fragments, one, max_depth).price() for one in operations}


class _Sizes:
    """Counts selections after expansion. Each fragment is visited once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, int | None] = {}

    @property
    def visited(self) -> set[str]:
        """Return the names of the fragments that were counted."""
        return set(self._known)

    def of(self, selections: SelectionSetNode) -> int:
        """Return the selections in a selection set. Raises `RequestRefused` for fragments in a circle."""
        count = 0
        for one in selections.selections:
            count += 1
            if isinstance(one, FragmentSpreadNode):
                count += self._fragment(one.name.value)
            elif isinstance(one, FieldNode | InlineFragmentNode) and one.selection_set is not None:
                count += self.of(one.selection_set)
        return count

    def _fragment(self, name: str) -> int:
        if name in self._known:
            known = self._known[name]
            if known is None:
                raise RequestRefused(f"The fragment {name[:50]!r} contains itself: fragments must not form a circle.", "CIRCULAR_FRAGMENTS")
            return known
        fragment = self._fragments.get(name)
        if fragment is None:
            return 0  # validation reports it
        self._known[name] = None
        size = self._known[name] = min(self.of(fragment.selection_set), MAX_FIELDS + 1)
        return size


class _Walk:
    """One operation, walked as it would be executed."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], operation: OperationDefinitionNode, max_depth: int
    ) -> None:
        self._schema, self._fragments, self._operation, self._max_depth = schema, fragments, operation, max_depth
        self._defaults = {one.variable.name.value: one.default_value for one in operation.variable_definitions or ()}

    def price(self) -> Price:
        price = Price()
        root = self._schema.get_root_type(self._operation.operation)
        own = MUTATION_COST if self._operation.operation is OperationType.MUTATION else 1
        self._selections(self._operation.selection_set, root, 1, price, _Repeats(), own)
        return price

    def _selections(self, selections: SelectionSetNode, parent: Type, depth: int, price: Price, repeats: _Repeats, own: int = 1) -> None:
        if depth > self._max_depth:
            raise LimitExceeded("depth", self._max_depth, f"The operation is nested more than {self._max_depth} levels deep")
        for one in selections.selections:
            if isinstance(one, FieldNode):
                self._field(one, parent, depth, price, repeats, own)
            elif isinstance(one, InlineFragmentNode):
                condition = parent if one.type_condition is None else self._composite(one.type_condition.name.value)
                self._selections(one.selection_set, condition, depth, price, repeats, own)
            elif isinstance(one, FragmentSpreadNode) and (fragment := self._fragments.get(one.name.value)) is not None:
                condition = self._composite(fragment.type_condition.name.value)
                self._selections(fragment.selection_set, condition, depth, price, repeats, own)

    def _field(self, node: FieldNode, parent: Type, depth: int, price: Price, repeats: _Repeats, own: int) -> None:
        name = node.name.value
        inner = repeats.of(name if node.alias is None else node.alias.value)
        price.fixed += own
        if node.selection_set is None:
            return
        definition = None if parent is None or isinstance(parent, GraphQLUnionType) else parent.fields.get(name)
        child = Price()
        kind = None if definition is None else get_named_type(definition.type)
        composite = kind if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType) else None
        self._selections(node.selection_set, composite, depth + 1, child, inner)
        price.add(1 if definition is None else self._factor(node, definition, parent), child)

    def _factor(self, node: FieldNode, definition: GraphQLField, parent: Type) -> Factor:
        """Return how many objects the field returns."""
        if not any(name in definition.args for name in (*_SIZES, *_LISTS)):
            many = is_list_type(get_nullable_type(definition.type)) and parent is not None and not parent.name.endswith("Connection")
            return LIST_SIZE if many else 1
        sizes: list[Size] = []
        for argument in node.arguments or ():
            if argument.name.value in (*_SIZES, *_LISTS):
                value: Any = argument.value
                if isinstance(value, IntValueNode):
                    sizes.append(max(1, int(value.value[:9])))
                elif isinstance(value, ListValueNode):
                    sizes.append(max(1, len(value.values)))
                elif isinstance(value, VariableNode):
                    default = self._defaults.get(value.name.value)
                    listed = len(default.values) if isinstance(default, ListValueNode) else None
                    sizes.append((value.name.value, int(default.value[:9]) if isinstance(default, IntValueNode) else listed))
        return Sizes(tuple(sizes), _page(definition))

    def _composite(self, name: str) -> Type:
        found = self._schema.get_type(name)
        return found if isinstance(found, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType) else None


def _page(definition: GraphQLField) -> int:
    """Return the size of a page of which the client does not say the size."""
    defaults: Sequence[Any] = [definition.args[name].default_value for name in _SIZES if name in definition.args]
    return next((value for value in defaults if value is not Undefined and isinstance(value, int)), DEFAULT_PAGE)
