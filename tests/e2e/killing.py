"""Workers that are killed at random moments, and what there is in the database after_response."""

import random
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import COMMAND, environment, until


class Killed:
    """A worker that is started again each time that it is killed, until it is to live; `life` is from how many to how many seconds."""

    def __init__(self, home: Path, number: int, settings: Mapping[str, str], life: tuple[float, float]) -> None:
        self._home, self._random, self._log, self._settings = home, random.Random(number), home / f"worker-{number}", settings
        self._life = life
        self.to_live = threading.Event()
        self.kills = 0
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while True:
            with self._log.open("wb") as output:
                self.process = subprocess.Popen(
                    [*COMMAND, "worker"],
                    cwd=self._home,
                    env=environment(**self._settings),
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            until(lambda: "worker_started" in self._log.read_text() or self.to_live.is_set(), "a started worker")
            if self.to_live.wait(self._random.uniform(*self._life)):
                return
            self.process.kill()
            self.process.wait()
            self.kills += 1


@contextmanager
def killed_workers(home: Path, count: int, settings: Mapping[str, str], life: tuple[float, float] = (0.05, 1.5)) -> Iterator[list[Killed]]:
    workers = [Killed(home, number, settings, life) for number in range(count)]
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
