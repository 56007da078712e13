"""Names that only one context may use, and the paths that contexts name."""

import re
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Final

from api_base.bootstrap.declarations import Declarations
from api_base.core.errors import Fault
from api_base.interface.middleware.production import EXEMPT
from api_base.interface.routes.versions import VERSION

COMMANDS: Final = frozenset(
    {
        "audit",
        "check",
        "configuration",
        "db",
        "doctor",
        "events",
        "flags",
        "generate",
        "graphql",
        "import",
        "jobs",
        "messages",
        "migrate",
        "new",
        "openapi",
        "routes",
        "search",
        "seed",
        "serve",
        "shell",
        "upgrade",
        "users",
        "versions",
        "worker",
    }
)
"""The commands of the base, whose names no context with commands may have."""
SCHEMES: Final = ("password", "bearer", "token", "cookie", "basic")
"""The authentication schemes of the base in the OpenAPI document, whether they are accepted or not."""
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def faults(declarations: Declarations) -> Iterator[Fault]:
    """Yield a fault for each name that is used twice, and for each import path that leads nowhere."""
    contexts = [one.context for one in declarations.parts]
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
    yield from _twice(
        [("database", "PostgreSQL"), *((check.name, one.context.declared_at) for one in declarations.parts for check in one.checks)],
        "Two health checks have the name {0!r}. Rename one of them.",
    )
    yield from _twice(
        [
            *((name, "the base") for name in SCHEMES),
            *((scheme.name, one.context.declared_at) for one in declarations.parts for scheme in one.schemes),
        ],
        "Two authentication schemes have the name {0!r}. Rename one of them.",
    )
    for context in contexts:
        if not _PREFIX.fullmatch(context.prefix.removesuffix(VERSION)):
            yield Fault(
                context.declared_at,
                f"The prefix {context.prefix!r} of the context {context.name!r} is not a path such as /desk or /desk/{{version}}: "
                "segments that begin with a slash, without other placeholders and without a slash at the end.",
            )
        if f"{context.prefix}/".startswith(EXEMPT):
            yield Fault(
                context.declared_at,
                f"The prefix {context.prefix!r} of the context {context.name!r} begins as /health/ and /metrics of the base do, which pass no limits "
                "and are served under overload. Choose another one.",
            )
        for field, path in (("graphql", context.graphql), ("commands", context.commands)):
            if isinstance(path, str) and not _is_module(path):
                yield Fault(
                    context.declared_at, f"{field}={path!r} of the context {context.name!r} names no module. Write package.module:NAME."
                )
        if context.commands is not None and context.name in COMMANDS:
            yield Fault(
                context.declared_at, f"`api-base {context.name}` is a command of the base. Rename the context, or remove its commands."
            )


def _twice(named: Sequence[tuple[str, str]], sentence: str) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for name, place in named:
        if name in first:
            yield Fault(place, f"{sentence.format(name)} The first is at {first[name]}.")
        first.setdefault(name, place)


def _is_module(path: str) -> bool:
    module, colon, _ = path.partition(":")
    try:
        return bool(colon) and find_spec(module) is not None
    except (ImportError, ValueError):
        return False
