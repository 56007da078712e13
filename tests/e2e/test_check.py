"""`api-base check`, and the starts that run the same check, on a context with mistakes."""

import shutil
from pathlib import Path

import pytest

from api_base.bootstrap.contexts import BUILT_IN
from tests.e2e.conftest import Project
from tests.e2e.processes import run, serving
from tests.unit.wiring import shop

WRONG = ("async def handle(self, command: Recount)", "def handle(self, command: Recount)"), ('cron="0 3 * * *"', 'cron="daily"')


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The folder of a package `store` with the context of `tests/unit/wiring/shop`."""
    shutil.copytree(Path(shop.__file__).parent, tmp_path / "store", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def broken(package: Path) -> list[str]:
    """Make two mistakes and return what every command says of them."""
    module = package / "store/__init__.py"
    text = module.read_text()
    for old, new in WRONG:
        text = text.replace(old, new)
    module.write_text(text)
    lines = text.splitlines()
    handle = next(number for number, line in enumerate(lines, 1) if "def handle(self, command: Recount)" in line)
    schedule = next(number for number, line in enumerate(lines, 1) if 'cron="daily"' in line)
    return [
        f"{module}:{handle}: RecountHandler.handle is not a coroutine function. Write async def handle.",
        f"{module}:{schedule}: The schedule 'shop.nightly' has the cron expression 'daily', which crontab(5) does not know or which never comes "
        "(Wrong number of fields).",
    ]


def variables(package: Path) -> dict[str, str]:
    return {"CONTEXTS": "store:SHOP", "PYTHONPATH": str(package)}


@pytest.mark.slow
def test_mistakes_are_found_by_every_command_and_start(project: Project, package: Path) -> None:
    faults = broken(package)
    report = "api-base: The wiring of the application has 2 faults:\n" + "".join(f"  {fault}\n" for fault in faults)
    checked = run(project.home, "check", **variables(package))
    assert (checked.returncode, checked.stdout.splitlines()) == (1, faults)
    for command in (["migrate", "up"], ["worker"]):
        refused = run(project.home, *command, **variables(package))
        assert (refused.returncode, refused.stderr) == (2, report), command
    diagnosed = run(project.home, "doctor", **variables(package))
    assert diagnosed.returncode == 1
    assert [line for line in diagnosed.stdout.splitlines() if line.startswith("FAIL  wiring")] == [
        f"FAIL  wiring: {fault}" for fault in faults
    ]
    with serving(project.home, "--no-worker", **variables(package)) as backend:
        assert backend.process.wait(60) == 2
        assert report in backend.output
    assert "pending: shop_001" in run(project.home, "migrate", "status", **variables(package)).stdout


@pytest.mark.slow
def test_a_sound_context_is_compared_with_the_database(project: Project, package: Path) -> None:
    before = run(project.home, "check", **variables(package))
    assert (before.returncode, before.stdout.splitlines()[0]) == (0, f"The wiring of {len(BUILT_IN) + 1} contexts is sound.")
    assert "revisions are pending: shop_001; run: api-base migrate up" in before.stdout
    assert run(project.home, "migrate", "up", **variables(package)).stdout == "shop_001\n"
    assert run(project.home, "check", **variables(package)).stdout == f"The wiring of {len(BUILT_IN) + 1} contexts is sound.\n"
    migration = package / "store/__init__.py"
    migration.write_text(migration.read_text().replace('sa.Column("version", sa.Integer', 'sa.Column("version", sa.BigInteger'))
    after = run(project.home, "check", **variables(package))
    assert after.returncode == 1
    place = next(number for number, line in enumerate(migration.read_text().splitlines(), 1) if line.startswith("TABLE = "))
    assert after.stdout == (
        f"{migration}:{place}: In PostgreSQL, the table goods has the type integer where version BIGINT is declared: change it by a revision.\n"
    )
