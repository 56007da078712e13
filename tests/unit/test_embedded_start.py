"""The embedded server beside others: what it reads of its own state, and how long it waits for who holds its directory."""

import fcntl
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import EmbeddedServer
from api_base.infrastructure.db.embedded import server as servers
from api_base.infrastructure.db.embedded.state_files import StateFiles

GIVEN_UP_SECONDS = 90
"""systemd's DefaultTimeoutStartSec: what a start says later, nobody reads."""


def test_a_start_that_waits_in_vain_says_why_before_it_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(servers, "time", SimpleNamespace(monotonic=lambda: sum(waited), sleep=waited.append))
    home = tmp_path / "server"
    home.mkdir(0o700)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="Another process holds .*/server/lock and its server does not answer"):
            EmbeddedServer(home, fsync=False).start()
    assert 0 < sum(waited) < GIVEN_UP_SECONDS


def test_passwords_are_read_as_they_were_written(tmp_path: Path) -> None:
    files = StateFiles(tmp_path)
    files.write_passwords({"app": "a", "owner": "b", "worker": "c"})
    assert files.passwords(("owner", "app")) == {"owner": "b", "app": "a"}


@pytest.mark.parametrize("damaged", ["", None, 1, ["a"]], ids=repr)
def test_one_damaged_password_among_others_is_reported(tmp_path: Path, damaged: object) -> None:
    """Not first by a server that refuses the role."""
    (tmp_path / "passwords.json").write_text(json.dumps({"owner": "b", "app": damaged, "worker": "c"}))
    with pytest.raises(ConfigurationError, match="passwords.json cannot be read: the file is damaged"):
        StateFiles(tmp_path).passwords(("owner", "app", "worker"))
