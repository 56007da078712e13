"""The span of a statement: its summary, how long it took, and by what it failed; never its text."""

from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from api_base.infrastructure.db import statement_spans
from api_base.infrastructure.db.statement_spans import log_statement

SECRET = "select title from notes where title = 'a secret' and id = $1"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(statement_spans, "completed", lambda *span: found.append(span))
    return found


def logged(address: Any = ("db.test", 5432), database: str = "shop", exception: BaseException | None = None) -> Any:
    return SimpleNamespace(
        query=SECRET,
        args=("a value",),
        conn_addr=address,
        conn_params=SimpleNamespace(database=database),
        elapsed=0.25,
        exception=exception,
    )


def test_a_statement_is_known_by_its_summary_and_where_it_ran(spans: list[tuple[Any, ...]]) -> None:
    log_statement(logged())
    log_statement(logged("/run/postgresql", ""))
    shared = {
        "db.system.name": "postgresql", "db.operation.name": "SELECT", "db.query.summary": "SELECT notes", "db.collection.name": "notes",
    }  # fmt: skip
    assert spans == [
        ("SELECT notes", {**shared, "db.namespace": "shop", "server.address": "db.test", "server.port": 5432}, 0.25),
        ("SELECT notes", {**shared, "server.address": "/run/postgresql"}, 0.25),
    ]
    assert "secret" not in repr(spans)


def test_an_error_of_the_server_is_known_by_its_code_and_any_other_by_its_class(spans: list[tuple[Any, ...]]) -> None:
    log_statement(logged(exception=asyncpg.UniqueViolationError("a secret")))
    log_statement(logged(exception=TimeoutError("a secret")))
    assert [(span[1].get("db.response.status_code"), span[3]) for span in spans] == [("23505", "23505"), (None, "TimeoutError")]
    assert "secret" not in repr(spans)
