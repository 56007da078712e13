"""Removes the words of a tenant that none of its rows has any longer, so that they do not grow with every word that was ever written."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final
from uuid import UUID

from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool

LOCK: Final = 41_772_183
"""The first key of advisory locks: a transaction that adds words of a tenant shares the lock of the tenant until its end."""
LOCKS: Final = 256
BATCH: Final = 500
INTERVAL: Final = 60.0
"""Seconds between two batches: a million words take a day and a half."""

type Place = tuple[str, UUID, str]
_FIRST: Final[Place] = ("", UUID(int=0), "")
_NEXT: Final = """
select word, tenant_id, source from search_words
where word >= $1 and (word, tenant_id, source) > ($1, $2, $3) order by word, tenant_id, source limit $4
"""
_LOCKED: Final = f"select pg_try_advisory_xact_lock({LOCK}, hashtext($1::uuid::text) & {LOCKS - 1})"


class WordPruner:
    """Reads the words in the order of their index, as the role `worker`, and checks those whose source is one of `sources`.

    `unused` is SQL that returns those of the words $2 that no row of the tenant $1 has; $3 is their source.
    """

    def __init__(self, pool: ConnectionPool, sources: Callable[[str], bool], unused: str, batch: int = BATCH) -> None:
        self._pool, self._sources, self._batch, self._place = pool, sources, batch, _FIRST
        self._unused = f"select {unused} from (select $1::uuid, $2::text[], $3::text) given"
        self._delete = f"delete from search_words where tenant_id = $1 and source = $3 and word = any (array(select unnest({unused})))"

    async def run(self) -> bool:
        """Check the next words. Returns False: those behind them have time."""
        await self.check()
        return False

    async def check(self) -> bool:
        """Check the next words. Returns whether they were the last ones, so that the next are the first ones."""
        await self._pool.run(self._checked)
        return self._place == _FIRST

    async def _checked(self, connection: Connection) -> None:
        rows = await connection.fetch(_NEXT, *self._place, self._batch)
        self._place = tuple(rows[-1]) if len(rows) == self._batch else _FIRST
        owners = sorted((row["tenant_id"], row["source"], row["word"]) for row in rows if self._sources(row["source"]))
        for (tenant, source), group in groupby(owners, key=lambda row: row[:2]):
            await self._remove(connection, tenant, source, [word for _, _, word in group])

    async def _remove(self, connection: Connection, tenant: UUID, source: str, words: Sequence[str]) -> None:
        """Leave a tenant that adds words at this moment for the next time. The statement after the lock sees what was committed before it.

        It checks only words that no row had before: a word of many rows takes long, and the tenant cannot write meanwhile.
        """
        unused: Sequence[str] = await connection.fetchval(self._unused, tenant, words, source)
        if not unused:
            return
        async with connection.transaction():
            if await connection.fetchval(_LOCKED, tenant):
                await connection.execute(self._delete, tenant, unused, source)
