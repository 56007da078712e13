"""Workers killed at random moments under write load: every acknowledged change has its event, and each event its effect exactly once,
in the order of its aggregate's versions; nothing waits in the end."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.conftest import Project
from tests.e2e.documentation import ROOT
from tests.e2e.killing import killed_workers
from tests.e2e.processes import Backend, rows, serving, until

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
        with ThreadPoolExecutor(WRITERS) as pool, killed_workers(home, WORKERS, SETTINGS) as workers:
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
