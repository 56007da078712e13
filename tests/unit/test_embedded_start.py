"""The embedded server beside others: how long it waits for who holds its directory."""

import fcntl
from pathlib import Path
from types import SimpleNamespace

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.db.embedded import EmbeddedServer
from api_base.infrastructure.db.embedded import server as servers

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
