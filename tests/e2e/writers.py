"""Writers that change items, where each change has a copy as its effect, and the assertions on the database at the end."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.e2e.documentation import ROOT
from tests.e2e.processes import PATIENCE, Backend, rows, until

WRITERS: Final = 3
ITEMS_EACH: Final = 4
INTERVAL: Final = 0.02
"""Seconds between two changes of a writer: writes go on at every moment, and the processes that are killed and started meanwhile get CPU time."""
SETTINGS: Final = {
    "CONTEXTS": '["tests.e2e.copying:COPYING"]',
    "PYTHONPATH": str(ROOT),
    "RATE_LIMIT__REQUESTS": "1000000",
    "RATE_LIMIT__BURST": "1000000",
}

_WAITING = """
select (select count(*) from outbox where not published) + (select count(*) from deliveries)
    + (select count(*) from outbox where name = 'items.changed.v1')
    - (select count(*) from inbox where subscription = 'copying.copy')
"""
_EVENTS = "select aggregate_id, count(*) from outbox where name = 'items.changed.v1' group by 1"
_COPIES = "select left(sku, 36), count(*) from items where category = 'copies' group by 1"
_HANDLED = """
select o.aggregate_id from outbox o join inbox i on i.event_id = o.id where i.subscription = 'copying.copy'
group by 1 having array_agg(aggregate_version order by i.at) <> array_agg(aggregate_version order by aggregate_version)
"""


@contextmanager
def writing(backend: Backend, token: str) -> Iterator[Counter[str]]:
    """Change items in the background. The counter holds the acknowledged changes of each item; a failed change fails the test."""
    stop, changed = threading.Event(), Counter[str]()
    with ThreadPoolExecutor(WRITERS) as pool:
        running = [pool.submit(_write, backend, token, stop, writer, changed) for writer in range(WRITERS)]
        try:
            yield changed
        finally:
            stop.set()
    for one in running:
        one.result()


def assert_each_has_its_effect_once_and_in_order(home: Path, changed: Counter[str]) -> None:
    """Wait until no event is pending, then assert one effect per acknowledged change, in order."""
    until(lambda: rows(home, _WAITING) == [["0"]], "no pending event", 2 * PATIENCE)
    acknowledged = {id: str(count) for id, count in changed.items()}
    assert len(changed) == WRITERS * ITEMS_EACH
    assert dict(rows(home, _EVENTS)) == acknowledged
    assert dict(rows(home, _COPIES)) == acknowledged
    assert rows(home, _HANDLED) == []


def _write(backend: Backend, token: str, stop: threading.Event, writer: int, changed: Counter[str]) -> None:
    """Change the items of one writer in turn. No two writers share an item."""
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
        stop.wait(INTERVAL)
