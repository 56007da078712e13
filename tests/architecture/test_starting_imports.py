"""What a serving process imports is paid for in memory and start, so what not every process needs is imported where it is used."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest

LATE: Final = {
    "aio_pika": "a broker that is configured",
    "aiokafka": "events by way of Kafka",
    "alembic": "migrating",
    "api_base.cli": "the command line",
    "attr": "nothing: a part of rich",
    "api_base.infrastructure.db.embedded.server": "starting the embedded database",
    "api_base.infrastructure.importing.keys": "an import of files",
    "api_base.infrastructure.importing.readers": "an import of files",
    "graphql": "a GraphQL request",
    "mcp": "the first request to /mcp",
    "mcp_types": "the first request to /mcp",
    "openfeature": "a context that uses OpenFeature",
    "opentelemetry.sdk": "exporting spans",
    "prometheus_client": "a scrape",
    "pydantic.v1": "a package that uses it",
    "redis": "a cache in Redis",
    "rich": "the command line",
    "strawberry": "a GraphQL request",
    "typer": "the command line",
    "werkzeug": "nothing: dependency_injector wires views of Flask",
    "yaml": "nothing: dependency_injector reads containers from files",
    "zxcvbn": "scoring a new password",
}
"""Packages that starting the server leaves alone, and what imports them."""

PROGRAM: Final = """
import sys
from api_base.main import create_app
create_app()
print("\\n".join(sys.modules))
"""


AHEAD: Final = """
import sys
import api_base.cli, api_base.serving.children
print("\\n".join(sys.modules))
"""
"""What `serve` imports before its first server process can begin to import."""


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules of a process that has made the application, on a database that need not be there."""
    home = tmp_path_factory.mktemp("start")
    return modules_after(PROGRAM, home, DATABASE__URL="postgresql://app@localhost:1/none")


def modules_after(program: str, home: Path, **settings: str) -> set[str]:
    """The modules that `program` prints. It runs without the settings of this process and without coverage, which imports much itself."""
    inherited = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    answer = subprocess.run([sys.executable, "-c", program], cwd=home, env=inherited | settings, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_the_application_is_made(imported: set[str]) -> None:
    assert {"fastapi", "asyncpg", "api_base.bootstrap.application"} <= imported


@pytest.mark.parametrize("package", LATE)
def test_starting_leaves_alone(package: str, imported: set[str]) -> None:
    assert find_spec(package), f"there is no {package} any more: take it off the list"
    early = sorted(module for module in imported if module == package or module.startswith(f"{package}."))
    assert early == [], f"only {LATE[package]} needs {package}: import it in the function that uses it"


def test_the_first_server_process_waits_for_next_to_nothing(tmp_path: Path) -> None:
    imported = modules_after(AHEAD, tmp_path)
    ours = {module for module in imported if module.startswith("api_base.")}
    assert ours == {
        "api_base.cli",
        "api_base.serving",
        "api_base.serving.children",
        "api_base.serving.signals",
        "api_base.core",
        "api_base.core.shared",
        "api_base.core.shared.least_privilege",
        "api_base.core.shared.parent_death",
    }
    assert {"dataclasses", "pathlib", "typer"}.isdisjoint(imported)


SUPERVISING: Final = """
import sys
import api_base.cli.commands, api_base.cli.serve
from api_base.bootstrap.selections import load_settings_early
from api_base.serving import own_code, resolving, supervisor, systemd
load_settings_early()
print("\\n".join(sys.modules))
"""
"""What `serve` imports beside its first server process."""


def test_the_supervisor_imports_neither_the_application_nor_what_builds_statements(tmp_path: Path) -> None:
    imported = modules_after(SUPERVISING, tmp_path)
    assert "api_base.serving.supervisor" in imported
    assert {"sqlalchemy", "fastapi", "alembic", "api_base.bootstrap.application"}.isdisjoint(imported)
