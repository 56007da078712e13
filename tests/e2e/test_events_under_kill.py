"""Workers killed at random moments under write load: every acknowledged change has its event, and each event its effect exactly once,
in the order of its aggregate's versions; nothing waits in the end."""

import pytest

from tests.e2e.conftest import Project
from tests.e2e.killing import killed_workers
from tests.e2e.processes import serving, until
from tests.e2e.writers import SETTINGS, assert_each_has_its_effect_once_and_in_order, writing

KILLS = 6
WORKERS = 2


@pytest.mark.slow
def test_every_effect_happens_once_and_in_order_while_workers_are_killed(project: Project) -> None:
    home = project.home
    with serving(home, "--no-worker", **SETTINGS) as backend:
        token = project.log_in(backend.ready())
        with killed_workers(home, WORKERS, SETTINGS) as workers:
            with writing(backend, token) as changed:
                until(lambda: sum(worker.kills for worker in workers) >= KILLS, f"{KILLS} kills")
            for worker in workers:
                worker.to_live.set()
            assert_each_has_its_effect_once_and_in_order(home, changed)
