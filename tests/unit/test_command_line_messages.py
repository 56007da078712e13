"""What the command line says about a wrong option or argument is in the words of the base, of whatever library finds it."""

import re

import pytest
from typer.testing import CliRunner

from api_base.cli.commands import app


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("serve --port abc", "'--port': must be a whole number."),
        ("serve --port 99999", "'--port': must be at most 65535."),
        ("serve --workers 0", "'--workers': must be at least 1."),
        ("serve --workers 99999999999999999999999", "'--workers': must be at most 64."),
        ("migrate down items --steps 1.5", "'--steps': must be a whole number."),
        ("jobs list --state x", "'--state': 'x' is not one of 'waiting', 'ready', 'running', 'succeeded', 'dead', 'cancelled'."),
        ("jobs list --tenant x", "'--tenant': must be a UUID."),
        ("jobs cancel x", "'id': must be a UUID."),
        ("events list --since never", "'--since': must be a time as in RFC 3339, such as 2026-01-31T12:00:00Z."),
        ("flags set - --as ana@example.com --propose", "--propose: needs --key"),
        ("flags set - --as ana@example.com --version 1", "--version: needs --key"),
        ("audit verify /nonexistent", "'file': file '/nonexistent' does not exist."),
    ],
)
def test_a_wrong_value_is_named(arguments: str, message: str) -> None:
    result = CliRunner(env={"COLUMNS": "200", "TERM": "dumb"}).invoke(app, arguments.split())
    assert result.exit_code == 2
    assert re.findall(r"Invalid value for (.*?)\s*│", result.output) == [message]
