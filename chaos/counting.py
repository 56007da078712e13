"""Compare what clients saw acknowledged with what the database holds. This module knows nothing about how either came about."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chaos.found import Found, Known, Noted
from chaos.jobs import NAME as JOB
from chaos.journal import Journal, Violation
from chaos.subscribers import ENQUEUES

_TIMES: Final = ("created_at", "updated_at")


def violations(journal: Journal, found: Found, subscriptions: Mapping[str, str]) -> Iterator[Violation]:
    """All violations. `subscriptions` maps each subscription to its event."""
    yield from _writes(journal, found)
    yield from _audits(found)
    yield from _events(journal, found)
    yield from _effects(found, subscriptions)
    yield from _inbox(found)
    yield from _jobs(found)
    for what in found.waiting:
        yield Violation(kind="stuck", what=what)


def _writes(journal: Journal, found: Found) -> Iterator[Violation]:
    """Every acknowledged write exists once, as acknowledged, and nothing else exists."""
    for id in found.items.keys() - journal.items.keys():
        yield Violation(kind="doubled", what=f"item {id} ({found.items[id]['sku']}) exists, and no client saw it acknowledged")
    for id, acknowledged in journal.items.items():
        held = found.items.get(id)
        last = journal.versions[id, acknowledged["version"]].by
        if held is None:
            yield Violation(kind="lost", what=f"item {id} does not exist; the last acknowledged write was {last}")
        elif held["version"] < acknowledged["version"]:
            yield Violation(
                kind="lost", what=f"item {id} has version {held['version']}, acknowledged was {acknowledged['version']} by {last}"
            )
        elif held["version"] > acknowledged["version"]:
            yield Violation(
                kind="doubled", what=f"item {id} has version {held['version']}, acknowledged was {acknowledged['version']} by {last}"
            )
        elif differing := _differing(acknowledged, held):
            yield Violation(kind="wrong state", what=f"item {id} is not as {last} was answered: {differing} (answered, held)")


def _differing(acknowledged: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The fields that differ. Of a deletion the client knows that it happened, but not when."""
    seen = {**acknowledged, **{name: acknowledged[name] and datetime.fromisoformat(acknowledged[name]) for name in _TIMES}}
    here = {**held, "updated_at": held["updated_at"] if acknowledged["updated_at"] else None}
    here["deleted_at"], seen["deleted_at"] = here["deleted_at"] is not None, bool(acknowledged["deleted_at"])
    return {name: (seen.get(name), here.get(name)) for name in seen.keys() | here.keys() if seen.get(name) != here.get(name)}


def _audits(found: Found) -> Iterator[Violation]:
    """Each version of each item and effect has one audit record, and there are no others."""
    state = {("item", id): int(item["version"]) for id, item in found.items.items()}
    state |= {("effect", effect.id): 1 for effect in found.effects}
    kept = Counter(found.audits)
    wanted = {(entity, id, version) for (entity, id), last in state.items() for version in range(1, last + 1)}
    for entity, id, version in wanted:
        if (entity, id, version) not in kept:
            yield Violation(kind="state without audit", what=f"version {version} of {entity} {id}")
    for record, count in kept.items():
        if record not in wanted:
            yield Violation(kind="audit without state", what=f"version {record.version} of {record.entity} {record.id}")
        elif count > 1:
            yield Violation(kind="audit doubled", what=f"version {record.version} of {record.entity} {record.id}: {count} times")


def _events(journal: Journal, found: Found) -> Iterator[Violation]:
    """Each version of each item has its events, among them the one that its write causes, each once, and there are no others."""
    names: dict[tuple[UUID, int], Counter[str]] = defaultdict(Counter)
    for event in found.events:
        names[event.aggregate_id, event.version][event.name] += 1
    wanted = {(id, version) for id, item in found.items.items() for version in range(1, item["version"] + 1)}
    for id, version in wanted - names.keys():
        yield Violation(kind="state without event", what=f"version {version} of item {id}")
    for (id, version), stored in names.items():
        acknowledged = journal.versions.get((id, version))
        if (id, version) not in wanted:
            yield Violation(kind="event without state", what=f"{', '.join(stored)}: version {version} of item {id}")
        elif acknowledged is not None and acknowledged.event not in stored:
            yield Violation(kind="wrong event", what=f"version {version} of item {id} has {', '.join(stored)}, not {acknowledged.event}")
        for name, count in stored.items():
            if count > 1:
                yield Violation(kind="event doubled", what=f"{name} of version {version} of item {id}: {count} times")
    yield from _order(found)


def _order(found: Found) -> Iterator[Violation]:
    """The sequence of an aggregate's events follows its versions."""
    last: dict[UUID, int] = {}
    for event in sorted(found.events, key=lambda event: event.sequence):
        if event.version < last.get(event.aggregate_id, 0):
            yield Violation(kind="event out of order", what=f"{event.name} {event.id}: version {event.version} of {event.aggregate_id}")
        last[event.aggregate_id] = event.version


def _effects(found: Found, subscriptions: Mapping[str, str]) -> Iterator[Violation]:
    """Each subscriber has one effect for each of its events, in the order of each aggregate's versions."""
    versions = {event.id: event.version for event in found.events}
    wanted = {
        Known(subscription, event.id) for event in found.events for subscription, name in subscriptions.items() if name == event.name
    }  # fmt: skip
    effects = _of_subscribers(found)
    had = Counter(Known(effect.subscription, effect.event_id) for effect in effects)
    for missing in wanted - had.keys():
        yield Violation(kind="effect missing", what=f"event {missing.event_id} in {missing.subscription}")
    for one, count in had.items():
        if one not in wanted:
            yield Violation(kind="effect without event", what=f"event {one.event_id} in {one.subscription}")
        elif count > 1:
            yield Violation(kind="effect doubled", what=f"event {one.event_id} in {one.subscription}: {count} times")
    last: dict[tuple[str, UUID], int] = {}
    for effect in sorted(effects, key=lambda effect: effect.position):
        version, where = versions.get(effect.event_id, 0), (effect.subscription, effect.aggregate_id)
        if version < last.get(where, 0):
            yield Violation(kind="effect out of order", what=f"version {version} of {effect.aggregate_id} in {effect.subscription}")
        last[where] = version


def _inbox(found: Found) -> Iterator[Violation]:
    had, known = {Known(effect.subscription, effect.event_id) for effect in _of_subscribers(found)}, set(found.inbox)
    for one in had - known:
        yield Violation(kind="effect without inbox", what=f"event {one.event_id} in {one.subscription}")
    for one in known - had:
        yield Violation(kind="inbox without effect", what=f"event {one.event_id} in {one.subscription}")


def _jobs(found: Found) -> Iterator[Violation]:
    """Each effect that enqueues a job has one job; each job has succeeded and left the effect in its result, once."""
    asked = {effect.event_id for effect in found.effects if effect.subscription == ENQUEUES}
    queued = Counter(job.event_id for job in found.jobs)
    for event in asked - queued.keys():
        yield Violation(kind="job missing", what=f"for event {event}")
    for event, count in queued.items():
        if event not in asked:
            yield Violation(kind="job without event", what=f"for event {event}")
        elif count > 1:
            yield Violation(kind="job doubled", what=f"for event {event}: {count} times")
    left = {effect.id: effect.event_id for effect in found.effects if effect.subscription == JOB}
    for job in found.jobs:
        if job.state != "succeeded":
            yield Violation(kind="job not done", what=f"{job.id} is {job.state}")
        elif job.result is None or left.pop(job.result, None) != job.event_id:
            yield Violation(kind="job without effect", what=f"{job.id} succeeded with {job.result}, for event {job.event_id}")
    for id, event in left.items():
        yield Violation(kind="effect without job", what=f"{id}, of event {event}: no job names it as its result")


def _of_subscribers(found: Found) -> list[Noted]:
    return [effect for effect in found.effects if effect.subscription != JOB]
