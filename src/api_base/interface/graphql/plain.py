"""Fields that only read an attribute, executed by a plan without the wrappers of the libraries, which take ten times as long as the field.

The plan of a selection is made once for each operation. Leaves, objects and lists of them are read and coerced directly. Whatever is irregular
(null where a value is required, a value that cannot be coerced, an error) is executed again by graphql-core, so the response and its errors
are those of graphql-core. Values that the encoder of responses knows (times in UTC, UUIDs) stay as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
from graphql import ExecutionResult, GraphQLLeafType, GraphQLObjectType, GraphQLSchema, is_leaf_type, is_list_type, is_non_null_type
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.pyutils import Path

from api_base.interface.graphql.fields import plain_reader
from api_base.interface.graphql.leaves import Complete, Irregular, Size, leaf_of

type Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One plain field of a selection: how to read it and how to complete a value that is not null."""

    name: str
    read: Read
    complete: Complete
    required: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A selection of one object type: its plain fields, and those that graphql-core executes. `empty` has all names in their order."""

    steps: tuple[Step, ...]
    others: GroupedFieldSet
    empty: Mapping[str, None]

    def values(self, source: Any) -> dict[str, Any]:
        """Return the plain fields of an object. Raises `Irregular`, and what a field raises."""
        found: dict[str, Any] = {}
        for step in self.steps:
            value = step.read(source)
            if value is not None:
                value = step.complete(value)
            elif step.required:
                raise Irregular
            found[step.name] = value
        return found


class PlainExecutor(ExecutorThrowingOnIncremental):
    """Executes the fields in `readers`, by type and field, directly. `size` counts the characters of the response."""

    readers: ClassVar[Mapping[str, Mapping[str, Read]]] = {}

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.size = Size()
        self._plans: dict[tuple[str, int], tuple[GroupedFieldSet, Plan]] = {}

    def build_per_event_executor(self, payload: Any) -> Any:
        """Return the executor of one event, which counts for itself."""
        executor: Any = super().build_per_event_executor(payload)
        executor.size, executor._plans = Size(), {}
        return executor

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> Any:
        """Return the fields of one object, in their order; graphql-core executes those that are not plain, or irregular."""
        plan = self._plan(parent_type, grouped_field_set)
        try:
            values = plan.values(source_value)
        except Exception:  # graphql-core meets it again, and describes it
            return super().execute_fields(parent_type, source_value, path, grouped_field_set, position_context)
        if not plan.others:
            return values
        executed = super().execute_fields(parent_type, source_value, path, plan.others, position_context)
        if isinstance(executed, dict):
            return {**plan.empty, **values, **executed}

        async def merged() -> dict[str, Any]:
            return {**plan.empty, **values, **await executed}

        return merged()

    def complete_leaf_value(self, return_type: GraphQLLeafType, result: Any) -> Any:  # type: ignore[override]
        """Count what graphql-core completes as well: the method of the library is static, and called on the executor."""
        completed = super().complete_leaf_value(return_type, result)
        self.size.characters += len(completed) if isinstance(completed, str | msgspec.Raw) else 1
        return completed

    def _plan(self, kind: GraphQLObjectType, fields: GroupedFieldSet) -> Plan:
        """Return the plan of a selection, which is made once: `collect_subfields` returns the same object for the same fields."""
        key = kind.name, id(fields)
        kept = self._plans.get(key)
        if kept is None:
            readers = self.readers.get(kind.name, {})
            steps = {name: self._step(kind, name, details, readers) for name, details in fields.items()}
            others = {name: fields[name] for name, step in steps.items() if step is None}
            plan = Plan(tuple(step for step in steps.values() if step is not None), others, dict.fromkeys(fields))
            kept = self._plans[key] = fields, plan  # `fields` must live as long as its id is a key
        return kept[1]

    def _step(self, kind: GraphQLObjectType, name: str, details: FieldDetailsList, readers: Mapping[str, Read]) -> Step | None:
        selected = details[0].node.name.value
        if selected == "__typename":
            return Step(name, lambda source: kind.name, lambda value: value, required=True)
        read = readers.get(selected)
        complete = None if read is None else self._completion(kind.fields[selected].type, details)
        return None if read is None or complete is None else Step(name, read, complete, is_non_null_type(kind.fields[selected].type))

    def _completion(self, kind: Any, details: FieldDetailsList) -> Complete | None:
        """Return how to complete a value of a type; None if graphql-core must do it."""
        inner = kind.of_type if is_non_null_type(kind) else kind
        if is_leaf_type(inner):
            return leaf_of(inner, self.size)
        if is_list_type(inner):
            item = self._completion(inner.of_type, details)
            return None if item is None else _list(item, required=is_non_null_type(inner.of_type))
        return self._object(inner, details) if isinstance(inner, GraphQLObjectType) else None

    def _object(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Complete | None:
        try:
            collected = self.collect_subfields(kind, details)
        except Exception:  # graphql-core meets it again
            return None
        plan = self._plan(kind, collected.grouped_field_set)
        if plan.others or collected.new_defer_usages:
            return None
        check: Any = kind.is_type_of
        known: set[type[Any]] = set()

        def complete(value: Any) -> Any:
            if check is not None and type(value) not in known:
                if check(value, None) is not True:
                    raise Irregular
                known.add(type(value))
            return plan.values(value)

        return complete


def _list(complete: Complete, *, required: bool) -> Complete:
    def values(found: Any) -> list[Any]:
        if not isinstance(found, list | tuple):
            raise Irregular
        if required and any(one is None for one in found):
            raise Irregular
        return [None if one is None else complete(one) for one in found]

    return values


def plain_executor(schema: GraphQLSchema) -> type[PlainExecutor]:
    """Return the executor of a schema, whose plain fields lose the wrappers of Strawberry."""
    found: dict[str, dict[str, Read]] = {}
    for kind in schema.type_map.values():
        for name, field in kind.fields.items() if isinstance(kind, GraphQLObjectType) else ():
            read = None if field.args else plain_reader(field.extensions)
            if read is not None:
                field.resolve = _resolver(read)
                found.setdefault(kind.name, {})[name] = read
    return type("SchemaExecutor", (PlainExecutor,), {"readers": found})


def _resolver(read: Read) -> Callable[..., Any]:
    return lambda source, info: read(source)


async def executed_by(executor: PlainExecutor, result: Any) -> ExecutionResult:
    """Return the result of an execution, and end the loads that still run for it."""
    try:
        made: ExecutionResult = result if isinstance(result, ExecutionResult) else await result
        return made
    finally:
        await executor.context_value.close()
