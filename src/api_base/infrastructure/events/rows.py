"""What the readers of the outbox share: its shards, its rows as events, and payloads as the class that a subscriber declares.

Shards are assigned to workers by advisory locks, for the time of a transaction [PostgreSQL manual, 13.3.5]. The locks of a worker that dies
end with its session. The server ends the session of a worker that hangs after `LEASE`, also behind a pooler.

In such a transaction statements use indexes, in their order. In a queue the statistics of the planner are out of date: a plan that was
made while the queue was short would read and sort the whole long queue for each batch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Final

from api_base.core.protocols import StoredEvent
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.events.tables import SHARDS
from api_base.infrastructure.serialization.json_codec import decode_as

COLUMNS: Final = ", ".join(f"o.{field.name}" for field in fields(StoredEvent))
"""The columns of `outbox o` that `StoredEvent` needs."""


stored_event: Final = restored(StoredEvent, payload=str.encode)

decode: Final = partial(decode_as, strict=False)
"""Decode JSON to an instance of a class; fields that it does not declare are ignored.

Raises `ValueError` for a payload that does not match the class.
"""


LEASE: Final = 60.0
"""Seconds that a transaction with shards may be idle: handlers must have finished before."""

_TAKE: Final = """
select s::smallint as shard
from set_config('idle_in_transaction_session_timeout', $3, true) lease, set_config('enable_seqscan', 'off', true) whole,
    set_config('enable_sort', 'off', true) sorted, generate_series(0, $2::int - 1) s
where pg_try_advisory_xact_lock($1, s)
"""


async def shards_for(connection: Connection, reader: str) -> list[int]:
    """Lock the shards of `reader` that are free; they are locked until the transaction of `connection` ends."""
    return [row["shard"] for row in await connection.fetch(_TAKE, _class_of(reader), SHARDS, f"{LEASE:.0f}s")]


async def wait_for_shards(connection: Connection, reader: str, shards: Sequence[int]) -> None:
    """Lock shards of another reader until the transaction of `connection` ends. Waits for the transaction that holds them."""
    await connection.fetch("select pg_advisory_xact_lock($1, s) from unnest($2::int[]) s order by s", _class_of(reader), list(shards))


def _class_of(reader: str) -> int:
    """The first key of the advisory locks, a signed 32-bit number, from the name of the reader."""
    return int.from_bytes(hashlib.sha256(b"events " + reader.encode()).digest()[:4], signed=True)
