"""The counter of `make chaos`: silent where everything is as it was told, and with a name for each kind of fault.

(Each run of chaos proves the same on its own data besides, in the database.)
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chaos.counting import violations
from chaos.found import Audited, Event, Found, Known, Noted, Queued
from chaos.journal import Journal

ITEM, OTHER = UUID(int=1), UUID(int=2)
NOW = "2026-05-06T07:08:09Z"
SUBSCRIPTIONS = {"chaos.created": "items.created.v1", "two": "items.changed.v1"}
EVENTS = [
    Event(id=UUID(int=10 + version), name=name, aggregate_id=ITEM, version=version, sequence=version)
    for version, name in ((1, "items.created.v1"), (2, "items.changed.v1"), (3, "items.changed.v1"))
]
EFFECTS = [
    Noted(id=UUID(int=20 + event.version), subscription=subscription, event_id=event.id, aggregate_id=ITEM, position=event.version)
    for event, subscription in zip(EVENTS, ("chaos.created", "two", "two"), strict=True)
]
JOB = Queued(id=UUID(int=40), event_id=EVENTS[0].id, state="succeeded", result=UUID(int=41))
OF_JOB = Noted(id=UUID(int=41), subscription="chaos.note", event_id=EVENTS[0].id, aggregate_id=ITEM, position=9)


def shown(version: int, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(ITEM), "sku": "A", "name": f"Chair {version}", "version": version, "created_at": NOW, "updated_at": NOW, "deleted_at": None, **changes,
    }  # fmt: skip


def told() -> Journal:
    """An item that was created and changed twice."""
    journal = Journal()
    for event in EVENTS:
        journal.changed(shown(event.version), event.name, f"write {event.version}")
    return journal


def held(**changes: Any) -> Mapping[str, Any]:
    at = datetime.fromisoformat(NOW)
    return {**shown(3), "created_at": at, "updated_at": at, **changes}


WHOLE = Found(
    items={ITEM: held()},
    audits=[
        *(Audited("item", ITEM, event.version) for event in EVENTS),
        *(Audited("effect", effect.id, 1) for effect in [*EFFECTS, OF_JOB]),
    ],
    events=EVENTS,
    effects=[*EFFECTS, OF_JOB],
    inbox=[Known(effect.subscription, effect.event_id) for effect in EFFECTS],
    jobs=[JOB],
    waiting=[],
)


def kinds(found: Found, journal: Journal | None = None) -> set[str]:
    return {violation.kind for violation in violations(journal or told(), found, SUBSCRIPTIONS)}


def test_what_is_as_it_was_told_is_no_violation() -> None:
    assert kinds(WHOLE) == set()


def changed(**what: Any) -> Callable[[], Found]:
    return lambda: replace(WHOLE, **what)


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("lost", changed(items={})),
        ("lost", changed(items={ITEM: held(version=2)})),
        ("doubled", changed(items={ITEM: held(), OTHER: held(id=str(OTHER))})),
        ("doubled", changed(items={ITEM: held(version=4)})),
        ("wrong state", changed(items={ITEM: held(name="another")})),
        ("wrong state", changed(items={ITEM: held(deleted_at=datetime(2026, 1, 1, tzinfo=UTC))})),
        ("wrong state", changed(items={ITEM: held(updated_at=datetime(2026, 1, 1, tzinfo=UTC))})),
        ("state without audit", changed(audits=WHOLE.audits[1:])),
        ("state without audit", changed(audits=WHOLE.audits[:-1])),
        ("audit doubled", changed(audits=[*WHOLE.audits, WHOLE.audits[0]])),
        ("audit without state", changed(audits=[*WHOLE.audits, Audited("item", ITEM, 4)])),
        ("audit without state", changed(audits=[*WHOLE.audits, Audited("item", OTHER, 1)])),
        ("state without event", changed(events=EVENTS[:-1])),
        ("event doubled", changed(events=[*EVENTS, EVENTS[0]._replace(id=UUID(int=99))])),
        ("event without state", changed(events=[*EVENTS, EVENTS[0]._replace(aggregate_id=OTHER)])),
        ("wrong event", changed(events=[*EVENTS[:-1], EVENTS[-1]._replace(name="items.deleted.v1")])),
        ("event out of order", changed(events=[EVENTS[0], EVENTS[1]._replace(sequence=3), EVENTS[2]._replace(sequence=2)])),
        ("effect missing", changed(effects=[*EFFECTS[:-1], OF_JOB])),
        ("effect doubled", changed(effects=[*EFFECTS, OF_JOB, EFFECTS[0]._replace(position=9)])),
        ("effect without event", changed(effects=[*EFFECTS, OF_JOB, EFFECTS[0]._replace(subscription="two")])),
        ("effect out of order", changed(effects=[OF_JOB, EFFECTS[0], EFFECTS[1]._replace(position=3), EFFECTS[2]._replace(position=2)])),
        ("effect without inbox", changed(inbox=WHOLE.inbox[1:])),
        ("inbox without effect", changed(inbox=[*WHOLE.inbox, Known("chaos.created", EVENTS[1].id)])),
        ("job missing", changed(jobs=[])),
        ("job doubled", changed(jobs=[JOB, JOB])),
        ("job without event", changed(jobs=[JOB, JOB._replace(event_id=EVENTS[1].id)])),
        ("job not done", changed(jobs=[JOB._replace(state="running", result=None)])),
        ("job without effect", changed(effects=EFFECTS)),
        ("job without effect", changed(jobs=[JOB._replace(result=None)])),
        ("effect without job", changed(effects=[*EFFECTS, OF_JOB, OF_JOB._replace(id=UUID(int=42))])),
        ("stuck", changed(waiting=["event 1 is not published"])),
    ],
)
def test_every_kind_of_fault_is_found_by_its_name(kind: str, found: Callable[[], Found]) -> None:
    assert kind in kinds(found())


def test_of_a_deletion_is_counted_that_it_was() -> None:
    journal = told()
    journal.changed({**shown(4, name="Chair 3"), "deleted_at": True, "updated_at": None}, "items.deleted.v1", "deletion")
    gone = EVENTS[0]._replace(id=UUID(int=30), name="items.deleted.v1", version=4, sequence=4)
    audits = [*WHOLE.audits, Audited("item", ITEM, 4)]
    deleted = held(version=4, name="Chair 3", deleted_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert kinds(replace(WHOLE, items={ITEM: deleted}, events=[*EVENTS, gone], audits=audits), journal) == set()
    assert "wrong state" in kinds(
        replace(WHOLE, items={ITEM: {**deleted, "deleted_at": None}}, events=[*EVENTS, gone], audits=audits), journal
    )


def test_an_answer_that_leaps_over_a_version_is_a_violation_at_once() -> None:
    journal = told()
    journal.changed(shown(5), "items.changed.v1", "write 5")
    assert [violation.kind for violation in journal.violations] == ["wrong version"]
