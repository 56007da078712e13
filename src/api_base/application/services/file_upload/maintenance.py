"""What the worker does for all tenants: remove expired uploads and orphans, and scan again with newer signatures."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import PUBLIC, Bus, Command
from api_base.application.services.file_upload.complete import clean
from api_base.application.services.file_upload.content import OpenFileHandler
from api_base.application.services.file_upload.keys import ROOT, is_incoming
from api_base.application.services.file_upload.outcome import RefuseFile
from api_base.application.services.file_upload.removal import ExpireUpload, RemoveRefused
from api_base.core.errors import Conflict, NotFound, Unavailable
from api_base.core.errors.content import ContentRefused
from api_base.core.protocols import Clock, Isolation, ObjectStorage, Scanner, ScannerVersion, ScanVerdict
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_USER, Principal, RequestContext, TenantId, current_context
from api_base.domain.files.repository import FileRepository

logger = get_logger(__name__)

BATCH: Final = 100
MARGIN: Final = timedelta(hours=1)
"""Added to the lifetime of uploads before an object without a row is an orphan: its row may be about to be committed."""


class FileInventory(Protocol):
    """The rows of all tenants."""

    async def expired(self, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        """Uploads that were not completed in time, and those whose check has failed for a week."""
        ...

    async def refused(self, age: timedelta, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        """Files that were refused longer ago than `age`, and that nothing is attached to."""
        ...

    async def outdated(self, version: ScannerVersion, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        """Ready files that were not scanned with these signatures."""
        ...

    async def unknown(self, keys: Sequence[str]) -> Sequence[str]:
        """Those of `keys` that no row refers to."""
        ...

    async def unknown_uploads(self, uploads: Sequence[str]) -> Sequence[str]:
        """Those uploads of the storage that no row refers to."""
        ...


@contextmanager
def _acting_for(tenant: TenantId) -> Iterator[None]:
    principal = Principal.without_permissions(NO_USER, tenant)
    token = current_context.set(RequestContext(request_id="files maintenance", principal=principal))
    try:
        yield
    finally:
        current_context.reset(token)


class Expiry:
    """Removes uploads that ended without a file."""

    def __init__(self, inventory: FileInventory, bus: Bus) -> None:
        self._inventory, self._bus = inventory, bus

    async def run(self) -> bool:
        """Remove a batch. Returns whether more may be due."""
        found = await self._inventory.expired(BATCH)
        for tenant, id in found:
            with _acting_for(tenant), suppress(NotFound, Conflict):  # somebody was faster
                await self._bus.execute(ExpireUpload(id=id))
        return len(found) == BATCH


class RefusedFiles:
    """Removes the rows of files that were refused longer ago than `age`. Their bytes and their quota went when they were refused."""

    def __init__(self, inventory: FileInventory, bus: Bus, age: timedelta) -> None:
        self._inventory, self._bus, self._age = inventory, bus, age

    async def run(self) -> bool:
        """Remove a batch. Returns whether more may be due."""
        found = await self._inventory.refused(self._age, BATCH)
        for tenant, id in found:
            with _acting_for(tenant), suppress(NotFound, Conflict):  # deleted, or attached again, meanwhile
                await self._bus.execute(RemoveRefused(id=id))
        return len(found) == BATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteOrphans(Command[None]):
    """Internal: a schedule sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE


class Orphans:
    """Deletes objects and unfinished uploads in the storage that no row refers to, once they are older than `lifetime` and `MARGIN`.

    What a ticket wrote needs no age: the row is committed before the ticket is issued.
    """

    def __init__(self, inventory: FileInventory, storage: ObjectStorage, clock: Clock, lifetime: timedelta) -> None:
        self._inventory, self._storage, self._clock, self._age = inventory, storage, clock, lifetime + MARGIN

    async def handle(self, command: DeleteOrphans) -> None:
        """Read the whole list of objects."""
        before, deleted, keys = self._clock.now() - self._age, 0, []
        async for stored in self._storage.list(ROOT):
            if stored.modified_at < before or is_incoming(stored.key):
                keys.append(stored.key)
            if len(keys) == BATCH:
                deleted, keys = deleted + await self._delete(keys), []
        deleted += await self._delete(keys)
        begun = [one async for one in self._storage.unfinished(ROOT) if one.started_at < before]
        unknown = set(await self._inventory.unknown_uploads([one.upload for one in begun]))
        for one in begun:
            if one.upload in unknown:
                await self._storage.abort_parts(one.key, one.upload)
        if deleted or unknown:
            logger.info("orphans_deleted", objects=deleted, uploads=len(unknown))

    async def _delete(self, keys: Sequence[str]) -> int:
        unknown = await self._inventory.unknown(keys) if keys else ()
        await self._storage.delete(unknown)
        return len(unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRescan(Command[None]):
    """Internal: no route sends it."""

    permission = PUBLIC
    id: UUID
    version: ScannerVersion


class RecordRescanHandler:
    def __init__(self, files: FileRepository, clock: Clock) -> None:
        self._files, self._clock = files, clock

    async def handle(self, command: RecordRescan) -> None:
        """Raises `NotFound`."""
        file = await load(self._files, "file", command.id, None)
        file.rescanned(command.version.engine, command.version.signatures, self._clock.now())
        await self._files.update(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanFiles(Command[None]):
    """Internal: a schedule sends it."""

    permission = PUBLIC
    isolation = Isolation.NONE


class Rescan:
    """Scans ready files again after the signatures of the scanner have changed. A file in which malware is found is refused from then on."""

    def __init__(self, inventory: FileInventory, bus: Bus, files: OpenFileHandler, storage: ObjectStorage, scanner: Scanner) -> None:
        self._inventory, self._bus, self._files, self._storage, self._scanner = inventory, bus, files, storage, scanner

    async def handle(self, command: RescanFiles) -> None:
        """Scan all outdated files. A job that was interrupted goes on where it was."""
        while await self.run():
            pass

    async def run(self) -> bool:
        """Scan a batch. Returns whether more may be outdated. Without a scanner, or while it is away, nothing is scanned."""
        scanned = 0
        try:
            version = await self._scanner.version()
            if not version.engine:
                return False
            found = await self._inventory.outdated(version, BATCH)
            for tenant, id in found:
                with _acting_for(tenant), suppress(NotFound, Conflict):  # deleted or refused meanwhile
                    await self._scan(id, version)
                    scanned += 1
        except Unavailable as error:
            logger.warning("rescan_postponed", reason=str(error))
            return False
        return len(found) == BATCH and scanned > 0

    async def _scan(self, id: UUID, version: ScannerVersion) -> None:
        """A file over the limit of the scanner keeps the result that it has."""
        content = await self._files.open(id)
        result = await self._scanner.scan(content.read())
        try:
            if result.verdict is not ScanVerdict.TOO_LARGE:
                version = clean(result).version or version
            await self._bus.execute(RecordRescan(id=id, version=version))
        except ContentRefused as error:
            logger.warning("file_refused_after_rescan", file=str(id), reason=error.message)
            outcome = await self._bus.execute(RefuseFile(id=id, reason=error.message))
            await self._storage.delete(outcome.discarded)
