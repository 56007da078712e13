"""Who works on which shard: advisory locks for the time of a transaction [PostgreSQL manual, 13.3.5]."""

import hashlib

from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.events.tables import SHARDS

_TAKE = "select s::smallint as shard from generate_series(0, $2::int - 1) s where pg_try_advisory_xact_lock($1, s)"


async def shards_for(connection: Connection, reader: str) -> list[int]:
    """The shards that nobody else reads for `reader`: ours until the transaction of `connection` ends."""
    return [row["shard"] for row in await connection.fetch(_TAKE, _class_of(reader), SHARDS)]


def _class_of(reader: str) -> int:
    """A name as the first key of a pair of advisory locks, a signed 32-bit number."""
    return int.from_bytes(hashlib.sha256(b"events " + reader.encode()).digest()[:4], signed=True)
