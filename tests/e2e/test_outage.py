"""The broker is killed while clients write. Writes continue, the memory of the worker is bounded, and once the broker is back every event
is delivered, with its effect once and in the order of its aggregate's versions.

`python -m benchmarks outage` runs the same for minutes and measures it.
"""

import json
import time
from itertools import groupby
from typing import Final

import pytest

from api_base.serving.worker import LOG_INTERVAL
from tests.e2e.conftest import Project
from tests.e2e.processes import rows, serving, until, working
from tests.e2e.writers import SETTINGS, assert_each_has_its_effect_once_and_in_order, writing
from tests.kafka import namespace
from tests.services import Killable

CHANGES: Final = 600
"""Changes acknowledged while the broker is away: more than one batch of the relay."""
LARGE: Final = 10_000
"""Further pending events, of 8 kB each, for a topic without a consumer."""
MOST: Final = 80.0
"""Megabytes by which the memory of the worker may grow. The pending events are 80 MB, and several times that once decoded."""

EFFECTS = "select count(*) from inbox where subscription = 'copying.copy'"
STORE_LARGE = f"""
insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, request_id, traceparent, payload)
select now(), id, null, get_byte(uuid_send(id), 15) & 15, 'large.stored.v1', id, 1, 'test', '', jsonb_build_object('large', repeat('x', 8000))
from (select gen_random_uuid() as id from generate_series(1, {LARGE})) made
"""


@pytest.mark.slow
def test_all_that_was_written_in_an_outage_is_delivered_once_and_in_order(project: Project, killable_kafka: Killable) -> None:
    home, connection = project.home, namespace(killable_kafka.url)
    settings = {
        **SETTINGS,
        "EVENTS__URL": killable_kafka.url,
        "EVENTS__PREFIX": connection.prefix,
        "OBSERVABILITY__LOG_FORMAT": "json",
        "RESILIENCE__OPEN_SECONDS": "2",
    }

    with serving(home, "--no-worker", **settings) as backend, working(home, **settings) as worker:
        token = project.log_in(backend.ready())
        with writing(backend, token) as changed:
            until(lambda: changed.total() > 50, "changes")
            until(lambda: int(rows(home, EFFECTS)[0][0]) > 0, "effects")
            before, written = worker.memory(), changed.total()
            killable_kafka.kill()
            killed_at = time.monotonic()
            rows(home, STORE_LARGE)
            until(lambda: changed.total() >= written + CHANGES, "changes without a broker")
            until(lambda: '"work": "publish events"' in worker.output, "a relay that cannot publish")
        killable_kafka.start()
        assert_each_has_its_effect_once_and_in_order(home, changed)
        assert worker.memory("VmHWM") < before + MOST
        lines = [json.loads(line) for line in worker.output.splitlines() if '"periodic_work_' in line]
        logged = [line["event"].removeprefix("periodic_work_") for line in lines if line["work"] == "publish events"]
        outages = [name for name, _ in groupby(logged)]  # a broker that starts may refuse once more after it has accepted
        assert outages == ["waits", "resumed"] * (len(outages) // 2)
        assert len(logged) <= len(outages) + (time.monotonic() - killed_at) / LOG_INTERVAL
