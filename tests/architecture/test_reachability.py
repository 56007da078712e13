"""What is shipped has a caller on a shipped path: every module is imported from where a process starts, imports in functions included.

Imports for the type checker alone do not count. Alembic finds its files by their folders: one is reached by lying in a folder that the
application hands to Alembic, and reaches in turn what it imports. Contexts name the modules of their GraphQL as text.
"""

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import grimp

import api_base
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.migrations import branches
from api_base.infrastructure.db.migrations.runner import ENVIRONMENT
from tools.documents import ROOT

STARTS: Final = {
    "api_base.main": "uvicorn --factory api_base.main:create_app",
    "api_base.cli": "the console script api-base",
    "api_base.cli.__main__": "python -m api_base.cli, which the supervisor starts",
    "api_base.infrastructure.storage.inspection.process": "python -m …, which handlers.py starts for each content",
    "api_base.testing": "pytest, whose plugin it is: docs/testing.md",
    "api_base.generating.clients.runtime.sending": "programs with a client, which api-base openapi python copies it into",
    "api_base.serving.server_process": "python -m api_base.serving.server_process, which the supervisor starts",
    "api_base.serving.preparation": "python -m api_base.serving.preparation, which the supervisor starts",
}
"""Modules that a process starts with, and how."""

OFFERED: Final = {
    "api_base.bootstrap.crud": "examples/reminders/src/reminders/__init__.py",
    "api_base.infrastructure.db.searchable": "examples/reminders/src/reminders/migrations/001_create_reminders.py",
    "api_base.domain.common.numbers": "docs/crud.md",
    "api_base.infrastructure.db.relations": "docs/relations.md",
}
"""What the base itself does not use, but contexts of other packages: a file that imports or documents each."""

PACKAGE: Final = Path(api_base.__path__[0])


def test_every_module_is_reached_from_where_a_process_starts() -> None:
    graph = grimp.build_graph("api_base", exclude_type_checking_imports=True, cache_dir=None)
    for module in graph.modules - {PACKAGE.name}:
        graph.add_import(importer=module, imported=module.rpartition(".")[0])  # Python imports the packages around a module before it
    folders = {ENVIRONMENT, *(branch.folder for branch in branches(BUILT_IN))}
    alembics = {file for folder in folders for file in folder.glob("*.py")}
    declared = {context.graphql.partition(":")[0] for context in BUILT_IN if context.graphql is not None}
    starts = {*STARTS, *OFFERED, *declared, *(_imports(alembics) & graph.modules)}
    reached = starts.union(*(graph.find_upstream_modules(start) for start in starts))
    dead = [name for file, name in _modules().items() if name not in reached and file not in alembics]
    assert dead == [], f"nothing that runs imports {', '.join(dead)}: wire it where it is used, or delete it"


def test_what_is_offered_is_used_or_documented() -> None:
    assert "REMINDERS = crud(" in (ROOT / OFFERED["api_base.bootstrap.crud"]).read_text()
    assert 'searchable("reminders"' in (ROOT / OFFERED["api_base.infrastructure.db.searchable"]).read_text()
    assert "SqlRelation(ports.database" in (ROOT / OFFERED["api_base.infrastructure.db.relations"]).read_text()
    assert "`NumberRule`" in (ROOT / OFFERED["api_base.domain.common.numbers"]).read_text()


def _modules() -> dict[Path, str]:
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        steps = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[file] = ".".join(steps[:-1] if steps[-1] == "__init__" else steps)
    return found


def _imports(files: Iterable[Path]) -> set[str]:
    """What files name in imports: modules, and what may be one in a package."""
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    origins = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    return plain | {name for node in origins for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names))}
