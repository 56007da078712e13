"""The worker's care of the trail: records are sealed in the background, so that writers never wait, and dropped after the retention period.

Records are ordered by (transaction id, sequence) and sealed only below the snapshot's horizon: every transaction below it has ended, so no
record can be added to a sealed range [PostgreSQL manual, 9.28.8]. Each batch is one transaction of the process that leads: any number of
sealers may run, one of them works, and an interrupted batch leaves nothing behind.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Clock
from api_base.infrastructure.audit.chain import BEGINNING, START, HeadSigner, Position, Record, Seal, SignedHead, by_chain
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.locks.leadership import Leadership

BATCH: Final = 1000
"""Maximum number of records sealed in one transaction."""

RECORD_COLUMNS: Final = "tenant_id, transaction_id::text::bigint, sequence, at, id, actor_id, request_id, trace_id, address, action, entity, entity_id, before, after"
"""The columns in the order of the fields of `Record`."""

LEADER: Final = "seal_audit"
_END: Final = "select transaction_id, sequence from audit_seals order by transaction_id desc, sequence desc limit 1"
_HORIZON: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_UNSEALED: Final = f"""
select {RECORD_COLUMNS} from audit
where (transaction_id, sequence) > ($1::text::xid8, $2) and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
order by audit.transaction_id, sequence limit $3
"""
_ENDS: Final = """
select c.chain, coalesce(s.number, k.number, 0) as number, coalesce(s.hash, k.hash) as hash from unnest($1::uuid[]) c(chain)
left join lateral (select number, hash from audit_seals where chain = c.chain order by number desc limit 1) s on true
left join lateral (select number, hash from audit_checkpoints where chain = c.chain order by expired_before desc limit 1) k on true
"""
_INSERT: Final = """
insert into audit_seals (chain, number, transaction_id, sequence, at, ids, times, digests, previous, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

_EXPIRED: Final = """
select exists (select from audit where at < $1) or exists (
    select from pg_inherits join pg_class on pg_class.oid = inhrelid
    where inhparent = 'audit'::regclass and relname ~ '^audit_[0-9]{6}$'
    and to_date(right(relname, 6), 'YYYYMM') + interval '1 month' <= $1 at time zone 'UTC')
"""
_CHECKPOINTS: Final = """
with losing as (
    select chain, coalesce(min(number) filter (where newest >= $1), max(number) + 1) - 1 as number from (
        select chain, number, (select max(t) from unnest(times) t) as newest, (select min(t) from unnest(times) t) as oldest from audit_seals) s
    group by chain having min(oldest) < $1)
select l.chain, l.number, coalesce(s.hash, k.hash), coalesce(s.transaction_id, k.transaction_id, 0), coalesce(s.sequence, k.sequence, 0)
from losing l left join audit_seals s on s.chain = l.chain and s.number = l.number
left join lateral (select hash, transaction_id, sequence from audit_checkpoints c where c.chain = l.chain order by expired_before desc limit 1) k on true
"""
_INSERT_CHECKPOINT: Final = """
insert into audit_checkpoints (chain, number, hash, transaction_id, sequence, at, expired_before, kid, signature)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
"""


class Sealer:
    """`pool` connects as the role `worker`."""

    def __init__(self, pool: ConnectionPool, clock: Clock, leadership: Leadership, *, batch: int = BATCH) -> None:
        self._pool, self._clock, self._leadership, self._batch = pool, clock, leadership, batch

    async def run(self) -> bool:
        """Seal one batch. Returns whether there may be more. Raises `ConfigurationError` if the server's transaction counter has gone back."""
        return await self._pool.run(self._in_transaction)

    async def _in_transaction(self, connection: Connection) -> bool:
        async with connection.transaction():
            if not await self._leadership.leads(connection, LEADER):
                return False
            end = await self._end(connection)
            rows = await connection.fetch(_UNSEALED, str(end.transaction_id), end.sequence, self._batch)
            if rows:
                await self._seal(connection, [Record(*row) for row in rows])
        return len(rows) == self._batch

    async def _end(self, connection: Connection) -> Position:
        row = await connection.fetchrow(_END)
        if row is None:
            return START
        end = Position(*row)
        if await connection.fetchval(_HORIZON) <= end.transaction_id:
            raise ConfigurationError(
                f"The audit trail is sealed up to transaction {end.transaction_id}, which this server has not reached: the data comes from another server. "
                "Set the transaction counter above that number (pg_resetwal --next-transaction-id, --epoch) before you write anything."
            )
        return end

    async def _seal(self, connection: Connection, records: Sequence[Record]) -> None:
        chains = by_chain(records)
        ends = {row["chain"]: (row["number"], row["hash"] or BEGINNING) for row in await connection.fetch(_ENDS, list(chains))}
        await connection.executemany(_INSERT, [self._row(chains[chain], *ends[chain], records[-1].position) for chain in chains])

    def _row(self, records: Sequence[Record], number: int, previous: bytes, position: Position) -> tuple[object, ...]:
        seal = Seal.of(records, number=number + 1, previous=previous, position=position, at=self._clock.now())
        return tuple(getattr(seal, field) for field in Seal.__struct_fields__)


class Retention:
    """Monthly partitions of the trail: created ahead, and dropped once all their records are sealed and older than the retention period.

    A signed checkpoint stays for each chain that loses records. It names the seal after which the chain continues, and the time before
    which records may be missing. `pool` connects as the role `worker`. Records are kept for `keep_days`, and then to the end of their month."""

    def __init__(self, pool: ConnectionPool, clock: Clock, signer: HeadSigner, keep_days: int, leadership: Leadership) -> None:
        self._pool, self._clock, self._signer, self._keep = pool, clock, signer, timedelta(days=keep_days)
        self._leadership = leadership

    async def run(self) -> bool:
        """Create and drop partitions. Always returns False: there is nothing more to do."""
        await self._pool.run(lambda connection: connection.execute("select create_audit_partitions()"))
        before = (self._clock.now() - self._keep).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        await self._pool.run(lambda connection: self._drop(connection, before))
        return False

    async def _drop(self, connection: Connection, before: datetime) -> None:
        """Drop through a function with its owner's rights, which drops only sealed partitions with a checkpoint that are at least a month old."""
        async with connection.transaction():
            if not await self._leadership.leads(connection, LEADER) or not await connection.fetchval(_EXPIRED, before):
                return
            now = self._clock.now()
            for chain, number, hash, transaction_id, sequence in await connection.fetch(_CHECKPOINTS, before):
                head = self._signer.signed(SignedHead(chain, number, hash or BEGINNING, transaction_id, sequence, now, before))
                await connection.execute(_INSERT_CHECKPOINT, *(getattr(head, field) for field in SignedHead.__struct_fields__))
            await connection.execute("select drop_expired_audit($1)", before)
