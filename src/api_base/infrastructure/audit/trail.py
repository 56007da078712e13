"""Read the sealed trail from the database in order, batch by batch, in one snapshot."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api_base.core.protocols import Clock
from api_base.infrastructure.audit.chain import START, HeadSigner, Position, Record, Seal, SignedHead
from api_base.infrastructure.audit.sealer import RECORD_COLUMNS
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool

_OF: Final = "($1::uuid is null or {} = $1)"
_SEALS: Final = f"""
select chain, number, transaction_id, sequence, at, ids, times, digests, previous, hash from audit_seals
where {_OF.format("chain")} and (transaction_id, sequence) > ($2, $3) order by transaction_id, sequence, chain
"""
_RECORDS: Final = f"""
select {RECORD_COLUMNS} from audit
where {_OF.format("tenant_id")} and (transaction_id, sequence) > ($2::text::xid8, $3) order by audit.transaction_id, sequence
"""
_CHECKPOINTS: Final = f"""
select distinct on (chain) chain, number, hash, transaction_id, sequence, at, expired_before, kid, signature from audit_checkpoints
where {_OF.format("chain")} order by chain, expired_before desc
"""
_HEADS: Final = f"""
select distinct on (chain) chain, number, hash, transaction_id, sequence from audit_seals
where {_OF.format("chain")} and ($2::bigint is null or (transaction_id, sequence) <= ($2, $3)) order by chain, number desc
"""
_SINCE: Final = "select transaction_id, sequence from audit_seals where at < $1 order by transaction_id desc, sequence desc limit 1"
_UNSEALED: Final = f"""
select count(*), min(at) from audit where {_OF.format("tenant_id")}
and (transaction_id, sequence) > (coalesce((select transaction_id from audit_seals order by transaction_id desc, sequence desc limit 1), 0)::text::xid8,
    coalesce((select sequence from audit_seals order by transaction_id desc, sequence desc limit 1), 0))
"""


@dataclass(frozen=True, slots=True)
class Batch:
    """The seals of one batch and the records that they cover. At least one of the lists is not empty."""

    seals: list[Seal] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)

    @property
    def position(self) -> Position:
        return self.seals[0].position if self.seals else self.records[-1].position


class Trail:
    """The trail of one tenant, or of all. Valid as long as the snapshot that `trail` opens."""

    def __init__(self, connection: Connection, tenant: UUID | None) -> None:
        self._connection, self._tenant = connection, tenant

    async def before(self, since: datetime | None) -> Position:
        """The position after which to read everything that was sealed since `since`."""
        row = None if since is None else await self._connection.fetchrow(_SINCE, since)
        return START if row is None else Position(*row)

    async def checkpoints(self) -> list[SignedHead]:
        """The signed starts of chains that have lost an older part."""
        return [SignedHead(*row) for row in await self._connection.fetch(_CHECKPOINTS, self._tenant)]

    async def heads(self, clock: Clock, signer: HeadSigner, until: Position | None = None) -> list[SignedHead]:
        """The end of each chain (as of `until`, if given), signed now, in order."""
        now = clock.now()
        rows = await self._connection.fetch(_HEADS, self._tenant, *(until or (None, None)))
        return sorted((signer.signed(SignedHead(**dict(row), at=now)) for row in rows), key=lambda head: head.position)

    async def batches(self, after: Position = START) -> AsyncIterator[Batch]:
        """The batches in order. Memory holds only a few of them."""
        rows = aiter(self._connection.cursor(_RECORDS, self._tenant, str(after.transaction_id), after.sequence, prefetch=500))
        waiting = await _next_record(rows)
        async for seals in self._together(after):
            batch = Batch(seals)
            while waiting is not None and waiting.position <= batch.position:
                batch.records.append(waiting)
                waiting = await _next_record(rows)
            yield batch

    async def _together(self, after: Position) -> AsyncIterator[list[Seal]]:
        seals: list[Seal] = []
        async for row in self._connection.cursor(_SEALS, self._tenant, *after, prefetch=50):
            seal = Seal(*row)
            if seals and seal.position != seals[0].position:
                yield seals
                seals = []
            seals.append(seal)
        if seals:
            yield seals

    async def unsealed(self) -> tuple[int, datetime | None]:
        """The number of unsealed records, and the time of the oldest."""
        row = await self._connection.fetchrow(_UNSEALED, self._tenant)
        assert row is not None  # an aggregate always has a row
        return row[0], row[1]


async def _next_record(rows: AsyncIterator[Iterable[Any]]) -> Record | None:
    row = await anext(rows, None)
    return None if row is None else Record(*row)


@asynccontextmanager
async def trail(pool: ConnectionPool, tenant: UUID | None) -> AsyncIterator[Trail]:
    """The trail in one snapshot: concurrent sealing and dropping does not change it."""
    connection = await pool.acquire()
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            yield Trail(connection, tenant)
    finally:
        pool.release(connection)
