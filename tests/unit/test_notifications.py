"""Notifications of what waits: one that fails is reported, except when the process ends."""

import pytest

from api_base.core.errors import Unavailable
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.notifications import CoalescingNotifier
from api_base.infrastructure.db.pool import ConnectionPool, ShuttingDown


@pytest.mark.parametrize(("reason", "lines"), [(ShuttingDown(), 0), (Unavailable("The database is away."), 1)])
async def test_only_a_failure_that_somebody_can_mend_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], reason: Exception, lines: int
) -> None:
    async def refused(pool: ConnectionPool, call: object) -> None:
        raise reason

    monkeypatch.setattr(ConnectionPool, "run", refused)
    notify = CoalescingNotifier(ConnectionPool("postgresql:///none", PoolOptions(size=1, acquire_timeout=1, statement_timeout=1)), "events")
    notify()
    sending = notify._sending
    assert sending is not None
    await sending
    assert capsys.readouterr().out.count("notify_failed") == lines
