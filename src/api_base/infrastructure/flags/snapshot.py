"""The flags of this process: read at its start, and again after each change.

A notification of PostgreSQL announces a change. A poll finds one whose notification was lost, and every change while the listener is not
connected. A poll is one query over the ids and transaction ids of the rows, so it also finds what an operator changed by SQL.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from api_base.application.services.feature_flags import CurrentFlags
from api_base.core.errors import Invalid
from api_base.core.protocols import Resource
from api_base.core.shared.logging import get_logger
from api_base.domain.flags.definition import FlagDefinition, usable
from api_base.domain.flags.document import parse
from api_base.domain.flags.evaluation import Snapshot
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.serialization.json_codec import decode

logger = get_logger(__name__)

CHANNEL: Final = "flags_changed"
"""NOTIFY channel: a flag was changed. The payload means nothing."""
POLL_INTERVAL: Final = 0.5
"""Seconds. The bound of a second on the age of a flag leaves the rest for the two queries."""
TIMEOUT: Final = 1.0
"""Seconds for both queries. After them the connection is given up: one that was cut silently must not hold up the next poll."""
MAX_INLINE_ROWS: Final = 100
"""Rows up to which a snapshot is made on the event loop. A thousand take as long as a hundred requests, so more are left to a thread."""
STAMP: Final = "select count(*) || ' ' || coalesce(sum(hashtextextended(id::text || ' ' || xmin::text, 0)::numeric), 0)::text from flags"
ROWS: Final = "select id, key, definition, tracked from flags where not archived order by key"


class SnapshotLoader(Resource):
    """Gives `flags` a snapshot of all flags that are not archived, at `open` and whenever one has changed.

    A stored flag that is not valid, by itself or with its prerequisites, keeps the last definition that this process served, or is left out.
    Without PostgreSQL the last snapshot stays. The connection is that of the health checks: no request waits for a poll, and no poll for requests. `gauge` sets a metric.
    """

    def __init__(
        self,
        database: Database,
        listener: NotificationListener,
        flags: CurrentFlags,
        gauge: Callable[[str, float], None],
        interval: float = POLL_INTERVAL,
    ) -> None:
        self._database, self._flags, self._gauge, self._interval = database, flags, gauge, interval
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stamp: str | None = None
        self._checked_at = time.monotonic()
        self._parsed: dict[str, tuple[str, FlagDefinition]] = {}
        self._served: dict[str, FlagDefinition] = {}
        self.ids: Mapping[str, UUID] = {}
        """The id of each flag in the snapshot, by key."""
        self._invalid = 0
        listener.add(CHANNEL, lambda payload: self._wake.set(), self._wake.set)

    async def open(self) -> None:
        """Load the flags, then keep them current in a task. Raises what the first load raises."""
        await self._refresh(self._database.pool, None)
        self._task = asyncio.create_task(self._run(), name="flags")

    async def close(self) -> None:
        """Stop the task. The last snapshot stays."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._interval)
            self._wake.clear()
            try:
                await self._refresh(self._database.probes, TIMEOUT)
                self._flags.mark_fresh()
            except Exception as error:
                reason = str(error) or type(error).__name__
                if self._flags.stale_reason is None:
                    logger.warning("flags_not_current", reason=reason)
                self._flags.mark_stale(reason)
            self._gauge("feature_flags_age_seconds", time.monotonic() - self._checked_at)
            self._gauge("feature_flags_invalid", self._invalid)

    async def _refresh(self, pool: ConnectionPool, timeout: float | None) -> None:
        """Load the flags if a row has changed since the last load. `timeout` is that of the queries."""
        began = time.monotonic()
        async with asyncio.timeout(timeout):
            changed = await pool.run(self._read)
        if changed is not None:
            self._stamp, rows = changed
            snapshot = self._built(rows) if len(rows) <= MAX_INLINE_ROWS else await asyncio.to_thread(self._built, rows)
            self.ids = {row["key"]: row["id"] for row in rows if row["key"] in snapshot.definitions}
            self._flags.exposures.tracked = frozenset(row["key"] for row in rows if row["tracked"])
            self._flags.replace(snapshot)
        self._checked_at = began

    async def _read(self, connection: Connection) -> tuple[str, Sequence[Row]] | None:
        """Return the rows with the stamp from before them: a change in between leads to another load."""
        stamp: str = await connection.fetchval(STAMP)
        return None if stamp == self._stamp else (stamp, await connection.fetch(ROWS))

    def _built(self, rows: Sequence[Row]) -> Snapshot:
        """Return the flags in `rows`. `_invalid` counts those that are not served as they are stored."""
        known, self._parsed, self._invalid = self._parsed, {}, 0
        for row in rows:
            key, text = row["key"], row["definition"]
            if (before := known.get(key)) is None or before[0] != text:
                try:
                    before = text, _parse(key, text)
                except Exception as error:  # whatever a row holds, the others are served
                    self._invalid += 1
                    logger.error("flag_unreadable", flag=key, kept=before is not None, reason=str(error) or type(error).__name__)
            if before is not None:
                self._parsed[key] = before
        stored = {key: definition for key, (_, definition) in self._parsed.items()}
        served = usable(stored.values())
        if left_out := stored.keys() - served.keys():
            served = usable((stored | {key: self._served[key] for key in left_out & self._served.keys()}).values())
        for key in sorted(key for key in left_out if served.get(key) is not stored[key]):
            self._invalid += 1
            logger.error("flag_without_prerequisite", flag=key, kept=key in served)
        self._served = served
        return Snapshot(served.values())


def _parse(key: str, text: str) -> FlagDefinition:
    definition = parse(decode(text))
    if definition.key != key:
        raise Invalid.of("/key", "key", f"is {definition.key}, but the row is that of {key}")
    return definition
