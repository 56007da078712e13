"""Errors of resolvers as GraphQL errors: `extensions` hold the members of the problem, by the table of `interface.errors`.

`extensions.code` is the kind of the problem in upper case, such as `STALE_VERSION`; `errors` name what is invalid, with JSON Pointers into
the arguments of the field. An unexpected error is logged, and masked.
"""

import re
from typing import Any, Final

from graphql import GraphQLError

from api_base.core.errors import ApiBaseError, Forbidden, Unauthenticated
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, current_context
from api_base.interface.errors.handlers import internal_problem, problem_of
from api_base.interface.errors.problem import Problem
from api_base.interface.middleware.http_exchange import current_exchange

_log = get_logger(__name__)
_FILTER: Final = re.compile(r"/query/([a-z0-9_.]+)\[([a-z_]+)\]")
_PARAMETERS: Final = {"/query/limit": "/first", "/query/cursor": "/after", "/query/index": "/indexes"}


def argument_name(name: str) -> str:
    """Return the name of a field in GraphQL: `price.amount` and `price_amount` are `priceAmount`."""
    first, *rest = re.split(r"[._]", name)
    return first + "".join(part.capitalize() for part in rest)


def graphql_error(error: Exception) -> GraphQLError:
    """Return the error that the client sees."""
    if isinstance(error, GraphQLError):
        return error
    if isinstance(error, Forbidden | Unauthenticated) and (exchange := current_exchange.get(None)) is not None:
        exchange.error = error
    problem = problem_of(error) if isinstance(error, ApiBaseError) else None
    if problem is None:
        _log.exception("graphql_resolver_failed", exc_info=error)
        problem = internal_problem()
    return GraphQLError(problem.detail, extensions=extensions_of(problem), original_error=None)


def extensions_of(problem: Problem) -> dict[str, Any]:
    """Return the members of the problem as `extensions`."""
    extensions = problem.members(request_id=current_context.get(NO_REQUEST).request_id)
    del extensions["detail"]
    extensions["code"] = code_of(problem.kind)
    for violation in extensions.get("errors", ()):
        violation["pointer"] = located(violation["pointer"])
    return extensions


def code_of(kind: str) -> str:
    """Return the code of a kind of problem, or of its URI."""
    return kind.rpartition("/")[2].upper().replace("-", "_")


def located(pointer: str) -> str:
    """Return the pointer into the arguments of the field, of one into the parts of a request."""
    if found := _FILTER.fullmatch(pointer):
        return f"/filter/{argument_name(found[1])}/{argument_name(found[2])}"
    if pointer in _PARAMETERS:
        return _PARAMETERS[pointer]
    part, _, rest = pointer.removeprefix("/").partition("/")
    if part == "body":
        return "/input" + (f"/{rest}" if rest else "")
    return f"/{rest}" if part in ("query", "path") and rest else pointer


def formatted(errors: list[GraphQLError]) -> list[dict[str, Any]]:
    """Return the errors of a response. Those that a resolver did not raise through `graphql_error` are masked."""
    return [_formatted(error) for error in errors]


def _formatted(error: GraphQLError) -> dict[str, Any]:
    original = error.original_error
    if original is None or isinstance(original, GraphQLError):
        return dict(error.formatted)
    masked = graphql_error(original)
    located = GraphQLError(masked.message, error.nodes, error.source, error.positions, error.path, extensions=masked.extensions)
    return dict(located.formatted)
