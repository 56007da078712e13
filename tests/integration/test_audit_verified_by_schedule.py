"""The trail is verified by a job: done with its counts where nothing is wrong, dead and told of otherwise."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api_base.application.audit.verify_audit import VerifyAudit
from api_base.application.common.jobs import Schedule
from api_base.bootstrap.contexts.audit import AUDIT
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.tasks.schedules import latest
from tests.audit import audited
from tests.job_harness import job_harness


async def test_a_sound_trail_is_counted_and_a_broken_one_is_dead(
    migrated: Urls, admin_of_migrated: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with audited(migrated, admin_of_migrated) as made, job_harness(migrated) as shop:
        kept = shop.settings.audit.model_copy(update={"checkpoints": tmp_path})
        shop.settings = shop.settings.model_copy(update={"audit": kept})
        ids = await made.fill(30)
        async with shop.worker():
            await shop.enqueue(VerifyAudit())
            [sound] = await shop.ended(1)
            assert (sound["name"], sound["state"]) == ("audit.verify", "succeeded")
            assert json.loads(sound["result"]) == {"records": 30, "chains": 2, "unsealed": 0}
            await made.admin.execute("update audit set action = 'item.created' where id = $1", ids[7])
            await shop.enqueue(VerifyAudit())
            _, broken = await shop.ended(2)
        assert (broken["state"], broken["attempts"], broken["expires_at"]) == ("dead", 1, None)
        assert broken["public_error"].startswith("The audit trail has 1 findings in 30 records of 2 chains")
        assert str(ids[7]) in next(line for line in capsys.readouterr().out.splitlines() if "audit_broken" in line)


async def test_it_is_due_every_night() -> None:
    [schedule] = AUDIT.schedules
    assert isinstance(schedule, Schedule)
    assert schedule.message() == VerifyAudit()
    assert latest(schedule, datetime(2026, 5, 6, 7, 8, tzinfo=UTC)) == datetime(2026, 5, 6, 3, 0, tzinfo=UTC)
