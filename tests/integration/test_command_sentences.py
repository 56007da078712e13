"""An error of the configuration, the database or a library ends a command with one sentence and exit code 2, without a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api_base.cli import main
from api_base.core.config import Settings
from api_base.infrastructure.db.embedded import Urls

type Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that fails, with these variables alone, and returns what it printed to stderr."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)

    def run(*arguments: str, **variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["api-base", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        return printed.err

    return run


def variables(urls: Urls) -> dict[str, str]:
    return {"DATABASE__URL": urls.app, "DATABASE__OWNER_URL": urls.owner, "DATABASE__WORKER_URL": urls.worker}


def test_a_statement_that_postgresql_refuses(run: Run, new_database: Callable[[], Urls]) -> None:
    assert run("jobs", "list", **variables(new_database())) == (
        "api-base: PostgreSQL refused a statement: the schema is not the one that this version needs (SQLSTATE 42P01). "
        "Run `api-base doctor` to check the schema and the roles.\n"
    )


def test_a_database_that_is_missing(run: Run, new_database: Callable[[], Urls]) -> None:
    urls = {name: f"{url.partition('?')[0]}_missing?{url.partition('?')[2]}" for name, url in variables(new_database()).items()}
    assert run("migrate", "status", **urls) == "api-base: The database cannot be reached: it has no database with the name in the URL.\n"


def test_a_server_that_is_away(run: Run) -> None:
    printed = run("migrate", "status", DATABASE__URL="postgresql://app:secret@127.0.0.1:1/x")
    assert printed == "api-base: The database cannot be reached: nothing listens at its address.\n"


def test_a_password_that_is_wrong(run: Run, new_database: Callable[[], Urls]) -> None:
    url = new_database().owner.replace("owner:", "owner:wrong", 1)
    printed = run("migrate", "status", DATABASE__URL=url)
    assert printed == "api-base: The database cannot be reached: it refuses user and password.\n"


def test_settings_that_are_wrong(run: Run) -> None:
    assert run("doctor", SERVER__PORT="http", SERVER__CORS_ORIGINS="*,x") == (
        "api-base: The configuration is not valid:\n"
        "  SERVER__PORT: must be a whole number, not 'http'.\n"
        "  SERVER__CORS_ORIGINS: must be * or an origin such as https://app.example.com, without a path, not 'x'.\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [["openapi"], ["jobs", "list", "--help"], ["migrate", "status"]], ids=" ".join)
def test_an_output_that_is_full(command: list[str], shared_migrated: Urls) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "api_base.cli", *command],
            stdout=full, stderr=subprocess.PIPE, env=os.environ | variables(shared_migrated), check=False,
        )  # fmt: skip
    assert ended.stderr.decode() == "api-base: The output or a file cannot be written: No space left on device.\n"
    assert ended.returncode == 2


@pytest.mark.slow
def test_an_output_that_nobody_reads() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = subprocess.run([sys.executable, "-m", "api_base.cli", "openapi"], stdout=pipe, stderr=subprocess.PIPE, check=False)
    assert (ended.stderr, ended.returncode) == (b"", 1)
