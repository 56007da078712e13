"""Convert rows of the outbox to events."""

from typing import Final

import asyncpg

from api_base.core.protocols import StoredEvent

COLUMNS: Final = (
    "o.sequence, o.id, o.at, o.name, o.tenant_id, o.aggregate_id, o.aggregate_version, o.actor_id, o.request_id, o.traceparent, o.payload"
)
"""The columns of `outbox o` that `StoredEvent` needs."""


def stored_event(row: asyncpg.Record) -> StoredEvent:
    return StoredEvent(
        sequence=row["sequence"],
        id=row["id"],
        at=row["at"],
        name=row["name"],
        tenant_id=row["tenant_id"],
        aggregate_id=row["aggregate_id"],
        aggregate_version=row["aggregate_version"],
        actor_id=row["actor_id"],
        request_id=row["request_id"],
        traceparent=row["traceparent"],
        payload=row["payload"].encode(),
    )
