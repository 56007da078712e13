"""Workers killed at random moments under write load: every acknowledged change has its event, and each event its effect exactly once,
in the order of its aggregate's versions; nothing waits in the end."""

import random
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import Project
from tests.e2e.documentation import ROOT
from tests.e2e.processes import COMMAND, Backend, environment, rows, serving, until

KILLS = 6
WRITERS, WORKERS, ITEMS_EACH = 3, 2, 4
SETTINGS = {
    "CONTEXTS": '["tests.e2e.copying:COPYING"]',
    "PYTHONPATH": str(ROOT),
    "RATE_LIMIT__REQUESTS": "1000000",
    "RATE_LIMIT__BURST": "1000000",
}

WAITING = "select (select count(*) from outbox where not published) + (select count(*) from deliveries)"
EVENTS = "select aggregate_id, count(*) from outbox where name = 'items.changed.v1' group by 1"
COPIES = "select left(sku, 36), count(*) from items where category = 'copies' group by 1"
HANDLED = """
select o.aggregate_id from outbox o join inbox i on i.event_id = o.id where i.subscription = 'copying.copy'
group by 1 having array_agg(aggregate_version order by i.at) <> array_agg(aggregate_version order by aggregate_version)
"""


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


def write(backend: Backend, token: str, stop: threading.Event, writer: int) -> Counter[str]:
    """How many changes of each item were acknowledged."""
    changed: Counter[str] = Counter()
    ids = []
    for number in range(ITEMS_EACH):
        item = {"sku": f"W-{writer}-{number}", "name": "Chair", "category": "furniture"}
        status, created = backend.request("POST", "/api/v1/items", item, token)
        assert status == 201, created
        ids.append(created["id"])
    turn = 0
    while not stop.is_set():
        id = ids[turn % ITEMS_EACH]
        turn += 1
        status, answer = backend.request("PATCH", f"/api/v1/items/{id}", {"name": f"Chair {turn}"}, token, if_match="*")
        assert status == 200, answer
        changed[id] += 1
    return changed


def test_every_effect_happens_once_and_in_order_whoever_dies(project: Project) -> None:
    home, stop = project.home, threading.Event()
    with serving(home, "--no-worker", **SETTINGS) as backend:
        token = project.log_in(backend.ready())
        with ThreadPoolExecutor(WRITERS) as pool, killed_workers(home) as workers:
            writing = [pool.submit(write, backend, token, stop, writer) for writer in range(WRITERS)]
            until(lambda: sum(worker.kills for worker in workers) >= KILLS, f"{KILLS} kills")
            stop.set()
            changed = sum((one.result() for one in writing), Counter[str]())
            for worker in workers:
                worker.to_live.set()
            until(lambda: rows(home, WAITING, **SETTINGS) == [["0"]], "nothing that waits")
        acknowledged = {id: str(count) for id, count in changed.items()}
        assert dict(rows(home, EVENTS, **SETTINGS)) == acknowledged
        assert dict(rows(home, COPIES, **SETTINGS)) == acknowledged
        assert rows(home, HANDLED, **SETTINGS) == []
        assert len(changed) == WRITERS * ITEMS_EACH
