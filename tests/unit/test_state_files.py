"""The files that an embedded database keeps beside its data, whole and damaged."""

import json
from pathlib import Path

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded.state_files import Running, StateFiles

ROLES = ("owner", "app", "worker")
PASSWORDS = {"owner": "a", "app": "b", "worker": "c"}


def test_what_was_stored_is_read(tmp_path: Path) -> None:
    files, running = StateFiles(tmp_path), Running(socket="/run/x", port=5432)
    assert (files.running(), files.has_passwords) == (None, False)
    files.write_passwords(PASSWORDS)
    files.write_running(running)
    assert (files.running(), files.has_passwords, files.passwords(ROLES)) == (running, True, PASSWORDS)
    assert files.passwords(("app", "owner")) == {"app": "b", "owner": "a"}
    assert (tmp_path / "passwords.json").stat().st_mode & 0o077 == 0
    files.remove_running()
    assert files.running() is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        *(json.dumps({**PASSWORDS, "app": value}) for value in ("", None, 7, ["b"])),
        json.dumps({"owner": "a", "app": "b"}),
    ],
)
def test_damaged_passwords_are_refused_with_the_file_and_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "passwords.json").write_text(content)
    with pytest.raises(ConfigurationError, match="passwords.json cannot be read: the file is damaged. Restore the file from a backup"):
        StateFiles(tmp_path).passwords(ROLES)


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"socket": 7, "port": 5432}', '{"socket": "/run/x", "port": "5432"}', '{"socket": "/run/x"}']
)
def test_a_damaged_record_of_a_server_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "running.json").write_text(content)
    assert StateFiles(tmp_path).running() is None
