"""`docs/schema.graphql`, and the changes of it that break clients."""

from collections.abc import Sequence

from graphql import BreakingChange, build_schema, find_breaking_changes

from api_base.application.common.cqrs import Bus
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.graphql import graphql_schema
from tools.compatible import IncompatibleError


def schema_text() -> str:
    """Return the schema of the built-in contexts, in the schema definition language."""
    bus = Bus(())
    routers = [(context.prefix, context.routes(bus)) for context in BUILT_IN if context.routes is not None]
    return graphql_schema(BUILT_IN, routers)().as_str() + "\n"


def breaking(before: str, after: str) -> Sequence[BreakingChange]:
    """Return what a client of the schema `before` can no longer do."""
    return find_breaking_changes(build_schema(before), build_schema(after))


def check_schema(before: str, after: str) -> None:
    """Raise `IncompatibleError` for a schema that breaks clients of `before`."""
    if found := breaking(before, after):
        changes = "; ".join(f"{change.description} [{change.type.name}]" for change in found)
        raise IncompatibleError(f"docs/schema.graphql would break clients: {changes}. If it is deliberate: make docs BREAKING=1.")
