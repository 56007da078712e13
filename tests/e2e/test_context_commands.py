"""`api-base <context> …`: the commands of an outside package, with its settings, on the opened application."""

from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.processes import one_sentence, run

pytestmark = pytest.mark.slow

CONTEXT = """\
from api_base.bootstrap.context import Context
from api_base.core.config import Section


class TillSettings(Section):
    currency: str = "EUR"


TILL = Context(name="till", settings=TillSettings, commands="till.commands:APP")
"""
COMMANDS = '''\
from typing import Annotated

import typer

from till import TillSettings

APP = typer.Typer(help="Count the money.")


@APP.command()
def count(coins: Annotated[int, typer.Argument()]) -> None:
    """Count coins."""
    from api_base.bootstrap.services import Services
    from api_base.cli.running import run_opened

    async def counted(services: Services) -> str:
        role = await services.ports.database.probes.run(lambda connection: connection.fetchval("select current_user::text"))
        return f"{coins} {services.ports.section(TillSettings).currency}, as {role}"

    print(run_opened(counted))
'''


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    package = tmp_path / "till"
    package.mkdir()
    (package / "__init__.py").write_text(CONTEXT)
    (package / "commands.py").write_text(COMMANDS)
    return {"CONTEXTS": "till:TILL", "PYTHONPATH": str(tmp_path), "TILL__CURRENCY": "BRL"}


def test_commands_of_a_context_run_and_are_in_the_help(project: Project, variables: dict[str, str]) -> None:
    done = run(project.home, "till", "count", "3", **variables)
    assert (done.returncode, done.stdout) == (0, "3 BRL, as app\n"), done
    shown = run(project.home, "--help", **variables).stdout
    assert "till" in shown
    assert "Count the money." in shown
    assert "count" in run(project.home, "till", "--help", **variables).stdout
    assert "No such command 'tills'" in run(project.home, "tills", **variables).stderr


def test_settings_of_a_context_are_in_doctor_and_in_the_page(project: Project, variables: dict[str, str]) -> None:
    assert "TILL__CURRENCY=BRL\n" in run(project.home, "doctor", **variables).stdout
    assert "## `TILL__…`" in run(project.home, "configuration", **variables).stdout
    refused = run(project.home, "till", "count", "3", **variables | {"TILL__CURENCY": "EUR"})
    assert refused.returncode == 2
    assert "TILL__CURENCY: is not a setting; write TILL__CURRENCY." in refused.stderr


def test_commands_that_are_none(project: Project, variables: dict[str, str]) -> None:
    folder = Path(variables["PYTHONPATH"]) / "till"
    (folder / "commands.py").write_text("APP = print\n")
    expected = "The context 'till': commands='till.commands:APP' must be a Typer, not builtin_function_or_method."
    assert one_sentence(run(project.home, "till", "count", "3", **variables)) == f"api-base: {expected}\n"
    assert run(project.home, "check", **variables).stdout == f"Context.commands: {expected}\n"
