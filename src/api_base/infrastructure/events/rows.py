"""Convert rows of the outbox to events, and payloads of events to the class that a subscriber declares."""

from functools import partial
from typing import Final

import asyncpg

from api_base.core.protocols import StoredEvent
from api_base.infrastructure.serialization.json_codec import decode_as

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


decode: Final = partial(decode_as, strict=False)
"""Decode JSON to an instance of a class; fields that it does not declare are ignored.

Raises `ValueError` for a payload that does not match the class.
"""
