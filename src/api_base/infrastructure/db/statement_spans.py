"""A span for each statement of a trace, by asyncpg's query loggers [OpenTelemetry, "Semantic conventions for database client spans"].

A span has the summary of its statement, which consists of operations and tables: never its text, nor the values of its parameters.
"""

import re
from functools import lru_cache
from typing import Any, Final

import asyncpg

from api_base.core.shared.trace_units import completed

MAX_SUMMARY_LENGTH: Final = 255
"""Characters [semantic conventions, `db.query.summary`]."""

_NOT_CODE: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*")
_LOCAL: Final = re.compile(r"(\w+)\s*(?:\([^()]*\)\s*)?as\s+(?:not\s+)?(?:materialized\s+)?\(|\)\s+(?:as\s+)?(\w+)")
"""Names of common table expressions and aliases of subqueries."""
_TARGET: Final = re.compile(
    r"(?:(?<!for )(?<!do )\b(update)|\b(insert) into|\b(delete) from|(?<!distinct )(?<!delete )\b(?:from|join))"
    r" (?:only )?([a-z_][a-z0-9_.]*)( ?\()?"
)
_NO_TABLE: Final = frozenset({"lateral", "only", "select", "set", "unnest"})


@lru_cache(maxsize=2048)
def summary(sql: str) -> str:
    """Return the operations of a statement with their tables, in order, such as `INSERT items INSERT outbox`."""
    code = " ".join(_NOT_CODE.sub("", sql.lower()).split())
    local = {name for match in _LOCAL.finditer(code) for name in match.groups() if name}
    found: dict[str, None] = {}
    for update, insert, delete, table, call in _TARGET.findall(code):
        operation = (update or insert or delete or "select").upper()
        if table not in local and table not in _NO_TABLE and not (call and operation == "SELECT"):
            found[f"{operation} {table}"] = None
    if not found:
        word = re.match(r"[a-z]+", code)
        return word[0].upper() if word else "QUERY"
    return " ".join(found)[:MAX_SUMMARY_LENGTH]


@lru_cache(maxsize=2048)
def _attributes(sql: str, address: Any, database: str | None) -> dict[str, str | int]:
    words = summary(sql).split(" ")
    attributes: dict[str, str | int] = {
        "db.system.name": "postgresql",
        "db.operation.name": words[0],
        "db.query.summary": summary(sql),
    }
    if len(words) == 2:
        attributes["db.collection.name"] = words[1]
    if database:
        attributes["db.namespace"] = database
    if isinstance(address, tuple):
        attributes |= {"server.address": address[0], "server.port": address[1]}
    elif isinstance(address, str):
        attributes["server.address"] = address
    return attributes


def log_statement(query: asyncpg.connection.LoggedQuery) -> None:
    """The event loop calls it in the context of the statement, after it. `query` has the arguments, too, which are ignored."""
    attributes = _attributes(query.query, query.conn_addr, query.conn_params.database)
    error: BaseException | None = query.exception
    if error is None:
        completed(str(attributes["db.query.summary"]), attributes, query.elapsed)
        return
    code = getattr(error, "sqlstate", None)
    if code:
        attributes = {**attributes, "db.response.status_code": code}
    completed(str(attributes["db.query.summary"]), attributes, query.elapsed, code or type(error).__qualname__)
