"""The content of the database after everything has drained. Read as superuser, without policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from api_base.infrastructure.db.connecting import Connection


class Audited(NamedTuple):
    entity: str
    id: UUID
    version: int


class Event(NamedTuple):
    id: UUID
    name: str
    aggregate_id: UUID
    version: int
    sequence: int


class Noted(NamedTuple):
    """An effect. `position` is its place in the order of writing."""

    id: UUID
    subscription: str
    event_id: UUID
    aggregate_id: UUID
    position: int


class Known(NamedTuple):
    """A row of the inbox."""

    subscription: str
    event_id: UUID


class Queued(NamedTuple):
    """A job for an event. `result` is the effect that it left."""

    id: UUID
    event_id: UUID
    state: str
    result: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`items` in the form of the API; `waiting` describes pending work."""

    items: Mapping[UUID, Mapping[str, Any]]
    audits: Sequence[Audited]
    events: Sequence[Event]
    effects: Sequence[Noted]
    inbox: Sequence[Known]
    jobs: Sequence[Queued]
    waiting: Sequence[str]


_ITEMS: Final = """
select id, sku, name, description, price_minor, price_currency, category, tags, attributes, status, version, created_at, updated_at, deleted_at from items
"""
_AUDITS: Final = "select entity, entity_id, (after ->> 'version')::integer from audit where entity in ('item', 'effect')"
_EVENTS: Final = "select id, name, aggregate_id, aggregate_version, sequence from outbox where name like 'items.%'"
_EFFECTS: Final = "select id, subscription, event_id, aggregate_id, position from chaos_effects"
_INBOX: Final = "select subscription, event_id from inbox where subscription like 'chaos.%'"
_JOBS: Final = "select id, (payload ->> 'event_id')::uuid, state, (result #>> '{}')::uuid from jobs where name = 'chaos.note'"
_WAITING: Final = """
select 'event ' || id || ' (' || name || ') of ' || aggregate_id || ' is not published' from outbox where not published
union all
select 'delivery of event ' || event_id || ' to ' || subscription || ', ' || case when dead then 'dead' else 'not done' end
    || ' after ' || attempts || ' attempts: ' || coalesce(error, 'no error') from deliveries
union all
select 'job ' || id || ' (' || name || ') is ' || state || ' after ' || attempts || ' attempts: ' || coalesce(error, 'no error')
from jobs where state not in ('succeeded', 'cancelled')
union all
select count(*) || ' audit records are not sealed' from audit where (transaction_id, sequence) > (
    coalesce((select s.transaction_id from audit_seals s order by s.transaction_id desc, s.sequence desc limit 1), 0)::text::xid8,
    coalesce((select s.sequence from audit_seals s order by s.transaction_id desc, s.sequence desc limit 1), 0)) having count(*) > 0
"""
_UNHEARD: Final = """
select 'event ' || o.id || ' (' || o.name || ') of ' || o.aggregate_id || ' has not come to ' || s.name
from outbox o join unnest($1::text[], $2::text[]) as s (name, event) on s.event = o.name
where o.published and not exists (select from inbox i where i.subscription = s.name and i.event_id = o.id)
"""
"""If Kafka holds the event, nothing in the database is pending."""
_SOME: Final = f"select * from ({_WAITING} union all {_UNHEARD}) w limit 20"


async def waiting(connection: Connection, subscriptions: Mapping[str, str]) -> list[str]:
    """Some of the pending work. `subscriptions` maps each subscription to its event."""
    return [row[0] for row in await connection.fetch(_SOME, list(subscriptions), list(subscriptions.values()))]


async def found(connection: Connection, subscriptions: Mapping[str, str]) -> Found:
    """Read everything, inside the open transaction."""
    return Found(
        items={row["id"]: _item(row) for row in await connection.fetch(_ITEMS)},
        audits=[Audited(*row) for row in await connection.fetch(_AUDITS)],
        events=[Event(*row) for row in await connection.fetch(_EVENTS)],
        effects=[Noted(*row) for row in await connection.fetch(_EFFECTS)],
        inbox=[Known(*row) for row in await connection.fetch(_INBOX)],
        jobs=[Queued(*row) for row in await connection.fetch(_JOBS)],
        waiting=await waiting(connection, subscriptions),
    )


def _item(row: asyncpg.Record) -> dict[str, Any]:
    price = (
        None if row["price_minor"] is None else {"amount": str(Decimal(row["price_minor"]).scaleb(-2)), "currency": row["price_currency"]}
    )
    same = {name: row[name] for name in ("sku", "name", "description", "category", "tags", "status", "version", "created_at", "updated_at")}
    attributes = msgspec.json.decode(row["attributes"])
    return {**same, "id": str(row["id"]), "price": price, "attributes": attributes, "deleted_at": row["deleted_at"]}
