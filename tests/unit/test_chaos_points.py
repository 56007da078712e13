"""Each point of `make chaos` marks a statement that the application sends: a statement that is rewritten takes its point with it."""

import importlib
import pkgutil

import pytest

from api_base.infrastructure import audit, events, tasks
from api_base.infrastructure.db import write_statements
from api_base.infrastructure.db.changes import Kind
from api_base.infrastructure.items.tables import ITEMS
from chaos.points import POINTS, Point

OF_THE_DRIVER = ["BEGIN;", "COMMIT;"]
"""asyncpg.transaction.Transaction sends them."""
BUILT = [write_statements.single(Kind.UPDATE, ITEMS, ()), write_statements.guarded_update(ITEMS)]


@pytest.fixture(scope="module")
def statements() -> list[str]:
    modules = (module for package in (audit, events, tasks) for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    written = (value for module in modules for value in vars(importlib.import_module(module.name)).values() if isinstance(value, str))
    return [*written, *OF_THE_DRIVER, *BUILT]


@pytest.mark.parametrize("point", [point for point in POINTS if point.statement], ids=lambda point: point.name)
def test_a_statement_is_marked(point: Point, statements: list[str]) -> None:
    assert point.statement is not None
    assert [statement for statement in statements if point.statement.match(statement)]
