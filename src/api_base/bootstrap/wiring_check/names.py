"""Names that only one context may use."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from api_base.bootstrap.context import Context
from api_base.core.errors import Fault


def faults(contexts: Sequence[Context]) -> Iterator[Fault]:
    """Yield a fault for each name that is used twice, and for each import path that leads nowhere."""
    yield from _twice(
        [(context.name, context.declared_at) for context in contexts], "Two contexts have the name {0!r}. Rename one of them."
    )
    yield from _twice(
        [(name, context.declared_at) for context in contexts for name in context.remote],
        "Two contexts serve the message {0!r}. Rename it in the `remote` of one of them.",
    )
    yield from _twice(
        [(one.kind, context.declared_at) for context in contexts for one in context.importable],
        "Two imports have the kind {0!r}. Rename the kind in the schema of one of them.",
    )
    yield from _twice(
        [(one.kind, one.declared_at) for context in contexts for one in context.attachable],
        "Two attachables have the kind {0!r}. Rename one of them.",
    )
    for context in contexts:
        if isinstance(context.graphql, str):
            yield from _graphql(context, context.graphql)


def _twice(named: Sequence[tuple[str, str]], sentence: str) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, place in named:
        if name in first:
            yield Fault(place, f"{sentence.format(name)} The first is at {first[name]}.")
        first.setdefault(name, place)


def _graphql(context: Context, path: str) -> Iterator[Fault]:
    module, colon, _ = path.partition(":")
    try:
        known = bool(colon) and find_spec(module) is not None
    except (ImportError, ValueError):
        known = False
    if not known:
        yield Fault(context.declared_at, f"graphql={path!r} of the context {context.name!r} names no module. Write package.module:NAME.")
