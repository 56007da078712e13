"""Gives committed events their offsets in the channels they go to, in the transaction of the relay that marks them as published.

The rows of the channels are locked until that commit, in a fixed order. So the order of offsets is the order of commits, and no event appears
before an offset that is already visible. An event whose transaction commits late is simply relayed later.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from api_base.application.common.realtime import ChannelKey, PublicEvent
from api_base.application.common.realtime.channels import TENANT, USER
from api_base.core.protocols import StoredEvent
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.realtime.signals import Signals

logger = get_logger(__name__)

type _Entry = tuple[StoredEvent, str, str | None]
"""An event, its public payload, and the permission that a receiver needs."""


def _lock(owner: str, prefix: str) -> str:
    return f"""
        select c.{owner} as owner, c.name, c.epoch, c.last_offset from {prefix}channels c
        join unnest($1::uuid[], $2::text[]) as w(owner, name) on c.{owner} = w.owner and c.name = w.name
        order by c.{owner}, c.name for update of c
    """


def _store(owner: str, prefix: str) -> str:
    columns = f"{owner}, name, epoch, channel_offset, event_id, event, at, data, permission, traceparent, stored_at"
    return f"""
        insert into {prefix}channel_events ({columns}) select *, now() from unnest(
            $1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::timestamptz[], $8::text[], $9::text[], $10::text[])
    """


def _advance(owner: str, prefix: str) -> str:
    return f"""
        with moved as (
            update {prefix}channels c set last_offset = w.last_offset, used_at = now()
            from unnest($1::uuid[], $2::text[], $3::bigint[]) as w(owner, name, last_offset) where c.{owner} = w.owner and c.name = w.name
            returning c.{owner}, c.name, c.epoch, c.last_offset)
        delete from {prefix}channel_events e using moved m
        where e.{owner} = m.{owner} and e.name = m.name and e.epoch = m.epoch and e.channel_offset <= m.last_offset - $4
    """


_TABLES: Final = {False: ("tenant_id", ""), True: ("user_id", "user_")}
_LOCK: Final = {personal: _lock(*names) for personal, names in _TABLES.items()}
_STORE: Final = {personal: _store(*names) for personal, names in _TABLES.items()}
_ADVANCE: Final = {personal: _advance(*names) for personal, names in _TABLES.items()}


class Sequencer:
    """`rules` are those of all contexts, by the name of the event. A channel keeps its last `keep_events` events."""

    def __init__(self, rules: Mapping[str, PublicEvent], signals: Signals, keep_events: int) -> None:
        self._rules, self._signals, self._keep = rules, signals, keep_events

    async def append(self, connection: Connection, events: Sequence[StoredEvent]) -> list[ChannelKey]:
        """Store events in the journal, in the open transaction. Returns the channels to signal after its commit."""
        wanted: dict[ChannelKey, list[_Entry]] = defaultdict(list)
        for event in events:
            rule = self._rules.get(event.name)
            if rule is not None:
                for key, entry in _entries(event, rule):
                    wanted[key].append(entry)
        changed: list[ChannelKey] = []
        for personal in _TABLES:
            mine = {key: entries for key, entries in wanted.items() if key.personal is personal}
            if mine:
                changed += await self._append(connection, personal, mine)
        await self._signals.within(connection, changed)
        return changed

    async def signal(self, changed: Sequence[ChannelKey]) -> None:
        """Signal the channels after the commit, if `append` could not."""
        await self._signals.after(changed)

    async def close(self) -> None:
        """Close what sends the signals."""
        await self._signals.close()

    async def _append(self, connection: Connection, personal: bool, wanted: Mapping[ChannelKey, Sequence[_Entry]]) -> list[ChannelKey]:
        locked = await connection.fetch(_LOCK[personal], [key.owner for key in wanted], [key.name for key in wanted])
        rows: list[tuple[Any, ...]] = []
        moved: list[tuple[UUID, str, int]] = []
        for row in locked:
            owner, name, epoch, offset = row
            for event, data, permission in wanted[ChannelKey(personal, owner, name)]:
                offset += 1
                rows.append((owner, name, epoch, offset, event.id, event.name, event.at, data, permission, event.traceparent))
            moved.append((owner, name, offset))
        if rows:
            await connection.execute(_STORE[personal], *(list(column) for column in zip(*rows, strict=True)))
            await connection.execute(_ADVANCE[personal], *(list(column) for column in zip(*moved, strict=True)), self._keep)
        return [ChannelKey(personal, owner, name) for owner, name, _ in moved]


def _entries(event: StoredEvent, rule: PublicEvent) -> Iterator[tuple[ChannelKey, _Entry]]:
    payload = json.loads(event.payload)
    public = json.dumps({name: payload[name] for name in rule.fields if name in payload}, ensure_ascii=False, separators=(",", ":"))
    if rule.permission is not None and event.tenant_id is not None:
        yield ChannelKey(False, event.tenant_id, TENANT), (event, public, rule.permission)
    for kind, field in rule.to.items():
        id = payload.get(field)
        if id is None:
            continue
        if kind == USER:
            try:
                user = UUID(str(id))
            except ValueError:
                logger.error("event_without_user", domain_event=event.name, field=field)  # it must not stop the events of others
                continue
            yield ChannelKey(True, user, USER), (event, public, None)
        elif event.tenant_id is not None:
            yield ChannelKey(False, event.tenant_id, f"{kind}/{id}"), (event, public, None)
