"""Fields that only read an attribute, executed without the wrappers of the libraries, which take ten times as long as the field.

A leaf, or a list of leaves, is read and coerced directly. Whatever is irregular (null where a value is required, a value that cannot be coerced, an
error) is executed again by graphql-core, so the response and its errors are those of graphql-core.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import GraphQLLeafType, GraphQLObjectType, GraphQLSchema, is_leaf_type, is_list_type, is_non_null_type
from graphql.execution.collect_fields import GroupedFieldSet
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.pyutils import Path, Undefined

from api_base.interface.graphql.fields import plain_reader


@dataclass(frozen=True, slots=True)
class PlainLeaf:
    """How to read a field, and how to coerce what was read; None if that is irregular."""

    read: Callable[[Any], Any]
    coerce: Callable[[Any], Any]
    required: bool


class PlainExecutor(ExecutorThrowingOnIncremental):
    """Executes `leaves`, by type and field, directly."""

    leaves: ClassVar[Mapping[str, Mapping[str, PlainLeaf]]] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Return the fields of one object, in their order; graphql-core executes those that are no plain leaves or irregular."""
        leaves = self.leaves.get(parent_type.name)
        if leaves is None:
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        values: dict[str, Any] = {}
        others: GroupedFieldSet = {}
        for name, details in grouped_field_set.items():
            leaf = leaves.get(details[0].node.name.value)
            value = Undefined if leaf is None else _value(leaf, source_value)
            values[name] = value
            if value is Undefined:
                others[name] = details
        if not others:
            return values
        executed = super().execute_fields(parent_type, source_value, path, others, position_context)
        if isinstance(executed, dict):
            return values | executed

        async def merged() -> dict[str, Any]:
            return values | await executed

        return merged()


def _value(leaf: PlainLeaf, source: Any) -> Any:
    """Return the value of a field, or `Undefined` if it is irregular."""
    try:
        found = leaf.read(source)
        if found is None:
            return Undefined if leaf.required else None
        coerced = leaf.coerce(found)
    except Exception:  # graphql-core meets it again, and describes it
        return Undefined
    return Undefined if coerced is None else coerced


def plain_executor(schema: GraphQLSchema) -> type[PlainExecutor]:
    """Return the executor of a schema, whose plain fields lose the wrappers of Strawberry."""
    found: dict[str, dict[str, PlainLeaf]] = {}
    for kind in schema.type_map.values():
        for name, field in kind.fields.items() if isinstance(kind, GraphQLObjectType) else ():
            read = plain_reader(field.extensions)
            if read is None or field.args:
                continue
            field.resolve = _resolver(read)
            coerce = _coercion(field.type)
            if coerce is not None:
                found.setdefault(kind.name, {})[name] = PlainLeaf(read, coerce, is_non_null_type(field.type))
    return type("SchemaExecutor", (PlainExecutor,), {"leaves": found})


def _resolver(read: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda source, info: read(source)


def _coercion(kind: Any) -> Callable[[Any], Any] | None:
    """Return how to coerce a leaf or a list of leaves; None for another type."""
    inner = kind.of_type if is_non_null_type(kind) else kind
    if is_leaf_type(inner):
        return _leaf(inner)
    if not is_list_type(inner):
        return None
    item = inner.of_type
    bare = item.of_type if is_non_null_type(item) else item
    return _list(_leaf(bare)) if is_leaf_type(bare) else None


def _leaf(kind: GraphQLLeafType) -> Callable[[Any], Any]:
    coerce = kind.coerce_output_value

    def leaf(value: Any) -> Any:
        coerced = coerce(value)
        return None if coerced is Undefined else coerced

    return leaf


def _list(coerce: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def values(found: Any) -> Any:
        if not isinstance(found, list | tuple) or None in found:
            return None
        coerced = [coerce(one) for one in found]
        return None if None in coerced else coerced

    return values
