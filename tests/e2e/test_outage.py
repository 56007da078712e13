"""The broker killed while clients write. Writes go on; what the worker holds of what waits is bounded; and once the broker is back every
event is delivered, with its effect once and in the order of its aggregate's versions.

`python -m benchmarks outage` does it for minutes, and measures.
"""

import json
from collections import Counter
from typing import Final

from tests.e2e.conftest import Project
from tests.e2e.processes import rows, serving, until, working
from tests.e2e.writers import SETTINGS, assert_each_has_its_effect_once_and_in_order, writing
from tests.kafka import namespace
from tests.services import Killable

CHANGES: Final = 600
"""Acknowledged while the broker is away; more than the relay takes at once."""
LARGE: Final = 5_000
"""Events of 8 kB each that wait with them, for a topic that nobody here reads."""
MOST: Final = 40.0
"""Megabytes that the worker may have needed beyond what it had before: not what waits, which is 40 and several times as much in its hands."""

EFFECTS = "select count(*) from inbox where subscription = 'copying.copy'"
STORE_LARGE = f"""
insert into outbox (at, id, tenant_id, shard, name, aggregate_id, aggregate_version, request_id, traceparent, payload)
select now(), id, null, get_byte(uuid_send(id), 15) & 15, 'large.stored.v1', id, 1, 'test', '', jsonb_build_object('large', repeat('x', 8000))
from (select gen_random_uuid() as id from generate_series(1, {LARGE})) made
"""


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
            until(lambda: int(rows(home, EFFECTS, **settings)[0][0]) > 0, "effects")
            before, written = worker.memory(), changed.total()
            killable_kafka.kill()
            rows(home, STORE_LARGE, **settings)
            until(lambda: changed.total() >= written + CHANGES, "changes without a broker")
            until(lambda: '"work": "publish events"' in worker.output, "a relay that cannot publish")
        killable_kafka.start()
        assert_each_has_its_effect_once_and_in_order(home, changed, **settings)
        assert worker.memory("VmHWM") < before + MOST
        lines = [json.loads(line) for line in worker.output.splitlines() if '"periodic_work_' in line]
        told = Counter((line["event"], line["work"]) for line in lines)
        assert told["periodic_work_waits", "publish events"] == told["periodic_work_resumed", "publish events"] == 1
