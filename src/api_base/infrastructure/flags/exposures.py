"""Reports evaluations of feature flags in batches: to the metrics, to the outbox, and once an hour when each flag was last evaluated."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from uuid import UUID

from api_base.application.services.feature_flags.exposures import Exposure, Exposures
from api_base.core.protocols import Clock
from api_base.core.shared.logging import get_logger
from api_base.domain.flags.events import FlagExposed
from api_base.infrastructure.db.changes import EventWriter
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.reporting import PeriodicReport
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.flags.snapshot import SnapshotLoader

logger = get_logger(__name__)

REPORT_INTERVAL: Final = 5.0
"""Seconds between two reports."""
EVALUATED_INTERVAL: Final = 3600.0
"""Seconds between two writes of the time of the last evaluation of one flag by one process."""
TIMEOUT: Final = 2.0
"""Seconds of one report. The end of a process waits for at most two, when PostgreSQL hangs."""
_EVALUATED: Final = """
insert into flag_evaluations (flag_id, last_evaluated_at) select flag_id, $2 from unnest($1::uuid[]) as named (flag_id)
on conflict (flag_id) do update set last_evaluated_at = greatest(flag_evaluations.last_evaluated_at, excluded.last_evaluated_at)
"""


class Metrics(Protocol):
    """The part of the counters that flags use."""

    def evaluated(self, flag: str, variant: str, times: int) -> None: ...

    def gauge(self, name: str, value: float) -> None: ...


class ExposureReporter(PeriodicReport):
    """Reports `exposures` every `interval` seconds and at its end. `published` is called after each commit of events.

    What PostgreSQL does not take in time is dropped and counted: no evaluation waits, and nothing piles up.
    """

    def __init__(
        self,
        database: Database,
        exposures: Exposures,
        flags: SnapshotLoader,
        metrics: Metrics,
        events: EventWriter,
        published: Callable[[], None],
        clock: Clock,
        interval: float = REPORT_INTERVAL,
    ) -> None:
        super().__init__("exposures", interval)
        self._database, self._exposures, self._flags, self._metrics = database, exposures, flags, metrics
        self._events, self._published, self._clock = events, published, clock
        self._noted: dict[UUID, float] = {}
        self._dropped = 0

    async def report(self) -> None:
        """Report what was evaluated since the last report. Never raises."""
        report = self._exposures.take()
        for (flag, variant), times in report.counts.items():
            self._metrics.evaluated(flag, variant, times)
        self._dropped += report.dropped
        ids, due = self._flags.ids, time.monotonic() - EVALUATED_INTERVAL
        evaluated = {ids[flag] for flag, _ in report.counts if flag in ids}
        noted = [id for id in evaluated if self._noted.get(id, due) <= due]
        events = [_event(exposure, ids[exposure.flag]) for exposure in report.exposures if exposure.flag in ids]
        if noted or events:
            try:
                async with asyncio.timeout(TIMEOUT):
                    await self._database.pool.run(lambda connection: self._write(connection, noted, events))
            except Exception as error:
                self._dropped += len(events)
                logger.warning("exposures_dropped", count=len(events), reason=str(error) or type(error).__name__)
            else:
                self._noted |= dict.fromkeys(noted, time.monotonic())
        self._metrics.gauge("feature_flag_exposures_dropped_total", self._dropped)

    async def _write(self, connection: Connection, evaluated: Sequence[UUID], events: Sequence[FlagExposed]) -> None:
        if evaluated:
            await connection.execute(_EVALUATED, sorted(evaluated), self._clock.now())
        if events:
            await self._events.store(connection, events)
            self._published()


def _event(exposure: Exposure, id: UUID) -> FlagExposed:
    return FlagExposed(aggregate_id=id, flag=exposure.flag, variant=exposure.variant, tenant=exposure.tenant, user=exposure.user)
