"""The span of a statement: named by its summary, with the kind of its failure, and without its text or its values."""

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest
from opentelemetry.trace import StatusCode

from api_base.core.types import RequestContext, current_context
from api_base.infrastructure.db.statement_spans import log_statement
from tests.traces import SPAN, TRACE, Exported, exporting

SECRET = "ana@example.com"


@pytest.fixture
def exported() -> Iterator[Exported]:
    with exporting() as found:
        current_context.set(RequestContext(request_id="r", trace_id=TRACE, span_id=SPAN, trace_flags=1))
        yield found


def logged(error: BaseException | None) -> Any:
    """What asyncpg tells about a statement that took a millisecond."""
    return asyncpg.connection.LoggedQuery(
        query=f"select 1 from users where email = $1 or email = '{SECRET}'",
        args=(SECRET,),
        timeout=None,
        elapsed=0.001,
        exception=error,
        conn_addr=("db.example.com", 5432),
        conn_params=SimpleNamespace(database="api_base"),
    )


DESCRIBED = {
    "db.system.name": "postgresql", "db.operation.name": "SELECT", "db.query.summary": "SELECT users", "db.collection.name": "users",
    "db.namespace": "api_base", "server.address": "db.example.com", "server.port": 5432,
}  # fmt: skip


def test_a_statement_is_described_without_its_values(exported: Exported) -> None:
    log_statement(logged(None))
    assert exported.named("SELECT users").attributes == DESCRIBED
    assert SECRET not in exported.text()


@pytest.mark.parametrize(
    ("error", "added"),
    [
        (asyncpg.UniqueViolationError(SECRET), {"db.response.status_code": "23505", "error.type": "23505"}),
        (asyncpg.InterfaceError(SECRET), {"error.type": "InterfaceError"}),
        (TimeoutError(), {"error.type": "TimeoutError"}),
        (asyncio.CancelledError(), {"error.type": "CancelledError"}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_a_failure_has_the_code_of_the_server_or_the_kind_of_the_error(
    exported: Exported, error: BaseException, added: dict[str, str]
) -> None:
    log_statement(logged(error))
    span = exported.named("SELECT users")
    assert span.attributes == DESCRIBED | added
    assert span.status.status_code is StatusCode.ERROR
    assert SECRET not in exported.text()
