"""Workers killed at random moments under write load: every acknowledged change has its event, and each event its effect exactly once,
in the order of its aggregate's versions; nothing waits in the end."""

import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import Project
from tests.e2e.processes import COMMAND, environment, serving, until
from tests.e2e.writers import SETTINGS, assert_each_has_its_effect_once_and_in_order, writing

KILLS = 6
WORKERS = 2


class Killed:
    """A worker that is started again each time that it is killed, until it is to live."""

    def __init__(self, home: Path, number: int) -> None:
        self._home, self._random, self._log = home, random.Random(number), home / f"worker-{number}"
        self.to_live = threading.Event()
        self.kills = 0
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while True:
            with self._log.open("wb") as output:
                self.process = subprocess.Popen(
                    [*COMMAND, "worker"], cwd=self._home, env=environment(**SETTINGS), stdout=output, stderr=output, start_new_session=True
                )
            until(lambda: "worker_started" in self._log.read_text() or self.to_live.is_set(), "a started worker")
            if self.to_live.wait(self._random.uniform(0.05, 1.5)):
                return
            self.process.kill()
            self.process.wait()
            self.kills += 1


@contextmanager
def killed_workers(home: Path) -> Iterator[list[Killed]]:
    workers = [Killed(home, number) for number in range(WORKERS)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    try:
        yield workers
    finally:
        for worker, thread in zip(workers, threads, strict=True):
            worker.to_live.set()
            thread.join()
            if worker.process is not None:
                worker.process.kill()
                worker.process.wait()


def test_every_effect_happens_once_and_in_order_whoever_dies(project: Project) -> None:
    home = project.home
    with serving(home, "--no-worker", **SETTINGS) as backend:
        token = project.log_in(backend.ready())
        with killed_workers(home) as workers:
            with writing(backend, token) as changed:
                until(lambda: sum(worker.kills for worker in workers) >= KILLS, f"{KILLS} kills")
            for worker in workers:
                worker.to_live.set()
            assert_each_has_its_effect_once_and_in_order(home, changed, **SETTINGS)
