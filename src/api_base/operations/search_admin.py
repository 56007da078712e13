"""Rebuild, compare and put back search indexes, beside running servers and workers."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from api_base.application.common.search import Comparison, IndexVerifier, rebuild
from api_base.bootstrap.container import Wiring
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError, Conflict
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.locks.leadership import DatabaseLeadership

type Progress = Callable[[str, int], None]
"""Gets the name of an index, and the number of its documents so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """`found` is what the index had, `remaining` what a repair could not change; without a repair, both are the same."""

    found: Comparison
    remaining: Comparison


async def reindex(settings: Settings, contexts: Sequence[Context], index: str | None, progress: Progress) -> Mapping[str, int]:
    """Rebuild `index`, or all of them, and return the numbers of their documents.

    Raises `NotIndexed` for refused documents, and `Conflict` while another process rebuilds the index.
    """
    async with _search(settings, contexts) as wiring:
        return {name: await _rebuilt(wiring, name, progress) for name in _named(wiring, index)}


async def _rebuilt(wiring: Wiring, name: str, progress: Progress) -> int:
    """Rebuild alone: two would fill one generation, and the first that ends would make it live without what the other has not written yet.

    The lock is that of a transaction that sends nothing, so it holds back no vacuum, and ends with this process.
    """

    async def alone(connection: Connection) -> int:
        async with connection.transaction():
            await connection.execute("set local idle_in_transaction_session_timeout = 0")
            if not await DatabaseLeadership().leads(connection, f"search reindex {name}"):
                raise Conflict(f"Another process rebuilds the search index {name!r}. Wait until it has ended.")
            return await rebuild(wiring.search, wiring.search_indexes, name, lambda written: progress(name, written))

    return await wiring.worker_database.pool.run(alone)


async def verify(
    settings: Settings, contexts: Sequence[Context], index: str | None, *, repair: bool, progress: Progress
) -> Mapping[str, Verification]:
    """Compare `index`, or all of them, with the database; with `repair`, write what differs again, and compare again."""
    async with _search(settings, contexts) as wiring:
        verifier = IndexVerifier(wiring.search, wiring.search_indexes)
        outcome = {}
        for name in _named(wiring, index):

            def shown(compared: int, name: str = name) -> None:
                progress(name, compared)

            found = remaining = await verifier.verify(name, shown)
            if repair and found.differences:
                await verifier.repair(name, found.differences)
                remaining = await verifier.verify(name, shown)
            outcome[name] = Verification(found=found, remaining=remaining)
        return outcome


async def rollback(settings: Settings, contexts: Sequence[Context], index: str) -> None:
    """Make the previous generation of `index` live again. Raises `Conflict` if there is none."""
    async with _search(settings, contexts) as wiring:
        for name in _named(wiring, index):
            await wiring.search.revert(name)


@asynccontextmanager
async def _search(settings: Settings, contexts: Sequence[Context]) -> AsyncIterator[Wiring]:
    services = build(settings, contexts)
    database = services.container.worker_database
    await database.open()
    try:
        async with opened(services):
            yield services.container
    finally:
        await database.close()


def _named(wiring: Wiring, index: str | None) -> Sequence[str]:
    """Return the names of the indexes. Raises `ConfigurationError` for an unknown one."""
    known = sorted(wiring.search_indexes.definitions)
    if index is None:
        return known
    if index not in known:
        raise ConfigurationError(f"The search index {index!r} does not exist. Existing ones: {', '.join(known) or 'none'}.")
    return [index]
