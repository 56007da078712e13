"""Monthly partitions of the trail: created ahead, and dropped once all their records are sealed and older than the retention period.

A signed checkpoint stays for each chain that loses records. It names the seal after which the chain continues, and the time before which
records may be missing.
"""

from datetime import datetime, timedelta
from typing import Final

from api_base.core.protocols import Clock
from api_base.infrastructure.audit.chain import BEGINNING, HeadSigner, SignedHead
from api_base.infrastructure.audit.sealer import LOCK
from api_base.infrastructure.db.pool import Connection, ConnectionPool

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
_INSERT: Final = """
insert into audit_checkpoints (chain, number, hash, transaction_id, sequence, at, expired_before, kid, signature)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing
"""


class Retention:
    """`pool` connects as the role `worker`. Records are kept for `keep_days`, and then to the end of their month."""

    def __init__(self, pool: ConnectionPool, clock: Clock, signer: HeadSigner, keep_days: int) -> None:
        self._pool, self._clock, self._signer, self._keep = pool, clock, signer, timedelta(days=keep_days)

    async def run(self) -> bool:
        """Create and drop partitions. Always returns False: there is nothing more to do."""
        await self._pool.run(lambda connection: connection.execute("select create_audit_partitions()"))
        before = (self._clock.now() - self._keep).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        await self._pool.run(lambda connection: self._drop(connection, before))
        return False

    async def _drop(self, connection: Connection, before: datetime) -> None:
        """Drop through a function with its owner's rights, which drops only sealed partitions with a checkpoint that are at least a month old."""
        async with connection.transaction():
            if not await connection.fetchval(LOCK) or not await connection.fetchval(_EXPIRED, before):
                return
            now = self._clock.now()
            for chain, number, hash, transaction_id, sequence in await connection.fetch(_CHECKPOINTS, before):
                head = self._signer.signed(SignedHead(chain, number, hash or BEGINNING, transaction_id, sequence, now, before))
                await connection.execute(_INSERT, *(getattr(head, field) for field in SignedHead.__struct_fields__))
            await connection.execute("select drop_expired_audit($1)", before)
