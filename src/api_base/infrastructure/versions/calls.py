"""Reports calls of deprecated routes to the database, and reads them for operators."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from api_base.application.versions.calls import DeprecatedCalls
from api_base.core.protocols import Clock
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.reporting import PeriodicReport
from api_base.infrastructure.db.session import Database

logger = get_logger(__name__)

REPORT_INTERVAL: Final = 10.0
"""Seconds between two reports: what a process that is killed has counted since is lost."""
TIMEOUT: Final = 2.0
"""Seconds of one report. The end of a process waits for at most two, when PostgreSQL hangs."""
_COUNT: Final = "select count_deprecated_calls($1, $2, $3, $4, $5)"
_USAGE: Final = """
select route, tenant, client, sum(calls)::bigint as calls, max(day) as last_day from deprecated_calls
where day > (now() at time zone 'UTC')::date - $1::int
group by route, tenant, client order by calls desc, route, tenant, client limit $2
"""


class CallReporter(PeriodicReport):
    """Reports `calls` every `interval` seconds and at its end. What PostgreSQL does not take is reported the next time."""

    def __init__(self, database: Database, calls: DeprecatedCalls, clock: Clock, interval: float = REPORT_INTERVAL) -> None:
        super().__init__("deprecated calls", interval)
        self._database, self._calls, self._clock = database, calls, clock

    async def open(self) -> None:
        """Start to count and to report."""
        self._calls.open()
        await super().open()

    async def report(self) -> None:
        """Report what was counted since the last report. Never raises."""
        counts = self._calls.take()
        if not counts:
            return
        columns = [list(column) for column in zip(*((*call, times) for call, times in counts.items()), strict=True)]
        now = self._clock.now()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._database.pool.run(lambda connection: connection.execute(_COUNT, now, *columns))
        except Exception as error:
            self._calls.put_back(counts)
            logger.warning("deprecated_calls_kept", count=len(counts), reason=str(error) or type(error).__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """`tenant` is the nil UUID for callers without one. `last_day` is in UTC."""

    route: str
    tenant: UUID
    client: str
    calls: int
    last_day: date


async def usage(pool: ConnectionPool, days: int, limit: int) -> Sequence[Usage]:
    """Return who called deprecated routes in the last `days` days, the most frequent first. `pool` connects as the role `worker`."""
    rows = await pool.run(lambda connection: connection.fetch(_USAGE, days, limit))
    return [Usage(**dict(row)) for row in rows]
