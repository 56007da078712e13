"""Who works on which shard: advisory locks for the time of a transaction [PostgreSQL manual, 13.3.5].

They end with the session of one that dies. One that hangs is cut off by the server after `LEASE`, behind a pooler too.

In such a transaction statements go by indexes, in their order. Left alone, the planner believes statistics that are of another time
in a queue: planned while it was short, a look at a long one would read and sort all of it for each batch.
"""

import hashlib
from typing import Final

from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.events.tables import SHARDS

LEASE: Final = 60.0
"""Seconds that a transaction with shards may be silent: work in between must be over before."""

_TAKE: Final = """
select s::smallint as shard
from set_config('idle_in_transaction_session_timeout', $3, true) lease, set_config('enable_seqscan', 'off', true) whole,
    set_config('enable_sort', 'off', true) sorted, generate_series(0, $2::int - 1) s
where pg_try_advisory_xact_lock($1, s)
"""


async def shards_for(connection: Connection, reader: str) -> list[int]:
    """The shards that nobody else reads for `reader`: ours until the transaction of `connection` ends."""
    return [row["shard"] for row in await connection.fetch(_TAKE, _class_of(reader), SHARDS, f"{LEASE:.0f}s")]


def _class_of(reader: str) -> int:
    """A name as the first key of a pair of advisory locks, a signed 32-bit number."""
    return int.from_bytes(hashlib.sha256(b"events " + reader.encode()).digest()[:4], signed=True)
