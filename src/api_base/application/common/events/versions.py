"""Versions of events: each subscriber receives the version that it names, however old the stored event is.

A change is stored once, as the newest version then. What was stored before an event got a newer version is upcast; for subscribers of an older
version the event is downcast. All forms of an event have its id.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from api_base.core.base import DomainEvent
from api_base.core.errors import EventRefused
from api_base.core.protocols import StoredEvent
from api_base.core.shared.logging import get_logger

logger = get_logger(__name__)


def versions_of(event: type[DomainEvent]) -> list[type[DomainEvent]]:
    """Return the class of an event and those of its older versions, the newest first."""
    found, older = [event], event.older
    while older is not None and older not in found:
        found.append(older)
        older = older.older
    return found


class EventVersions:
    """The events that have more than one version. `decode` converts JSON to an instance of a class, or raises `ValueError`."""

    def __init__(self, encode: Callable[[Any], bytes], decode: Callable[[bytes, type[Any]], Any]) -> None:
        self._encode, self._decode = encode, decode
        self._families: dict[str, Sequence[type[DomainEvent]]] = {}

    def add(self, events: Iterable[type[DomainEvent]]) -> None:
        """Add the events of the application."""
        for event in events:
            family = versions_of(event)
            if len(family) > 1:
                self._families.update({one.name: family for one in family})

    def names(self, name: str) -> Sequence[str]:
        """Return the names that stored events have which a subscriber of `name` receives."""
        return [one.name for one in self._families[name]] if name in self._families else [name]

    def forms(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Return the events in all of their versions, the newest first. Raises `EventRefused` for one that cannot be converted."""
        if not self._families:
            return events
        return [form for event in events for form in self._forms(event)]

    def forms_of_known(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Return the same, but one that cannot be converted as it is stored."""
        found: list[StoredEvent] = []
        for event in events:
            try:
                found += self._forms(event)
            except EventRefused as refused:
                logger.error("event_of_one_version", domain_event=event.name, event_id=str(event.id), reason=str(refused))
                found.append(event)
        return found

    def named(self, event: StoredEvent, name: str) -> StoredEvent | None:
        """Return the event in the version `name`; None if there is none. Raises `EventRefused` if it cannot be converted."""
        return event if event.name == name else next((form for form in self._forms(event) if form.name == name), None)

    def _forms(self, event: StoredEvent) -> Iterable[StoredEvent]:
        family = self._families.get(event.name)
        if family is None:
            return (event,)
        place = [one.name for one in family].index(event.name)
        try:
            stored = self._decode(event.payload, family[place])
            newer = [*_upcast(stored, family[:place])]
            older = [*stored.versions()][1:]
        except Exception as error:
            raise EventRefused(event.id, f"it cannot be converted to the other versions of {event.name}: {error!r}") from error
        return [*(self._form(event, one) for one in reversed(newer)), event, *(self._form(event, one) for one in older)]

    def _form(self, event: StoredEvent, version: DomainEvent) -> StoredEvent:
        return replace(event, name=version.name, payload=self._encode(version))


def _upcast(event: DomainEvent, newer: Sequence[type[DomainEvent]]) -> Iterator[DomainEvent]:
    for one in reversed(newer):
        event = one.upcast(event)
        yield event
