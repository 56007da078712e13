"""Workers that are killed at random moments and started again."""

import random
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import COMMAND, environment, until
from tests.isolation import start


class Killed:
    """A worker that is killed and started again until `to_live` is set. `life`: the shortest and longest time until a kill, in seconds."""

    def __init__(self, home: Path, number: int, settings: Mapping[str, str], life: tuple[float, float]) -> None:
        self._home, self._random, self._log, self._settings = home, random.Random(number), home / f"worker-{number}", settings
        self._life = life
        self.to_live = threading.Event()
        self.kills = 0
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while True:
            with self._log.open("wb") as output:
                self.process = start([*COMMAND, "worker"], cwd=self._home, env=environment(**self._settings), stdout=output)
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
