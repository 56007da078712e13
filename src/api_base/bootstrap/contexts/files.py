"""The context `files`: uploads, downloads, and what files are attached to."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job, Schedule
from api_base.application.common.realtime import Channel, PublicEvent
from api_base.application.files.commands import attachments, rename_file
from api_base.application.files.queries import GetAttachedFiles, GetFile, GetFilesByIds, ListAttachedFiles, ListFiles
from api_base.application.services.file_upload import (
    append,
    begin,
    complete,
    issue_ticket,
    maintenance,
    outcome,
    permissions,
    progress,
    removal,
    thumbnails,
    upload_file,
)
from api_base.application.services.file_upload.content import OpenFile, OpenFileHandler
from api_base.application.services.file_upload.limits import UploadLimits
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, MEMBERS, VIEWERS
from api_base.core.config.files import FileSettings
from api_base.core.protocols import PeriodicTask
from api_base.domain.files.entities import File
from api_base.domain.files.events import FileAttached, FileBegun, FileDeleted, FileDetached, FileReady, FileRefused, FileRenamed
from api_base.infrastructure import files
from api_base.infrastructure.files import queries, tables
from api_base.infrastructure.files.inventory import SqlFileInventory
from api_base.infrastructure.files.repository import SqlAttachmentRepository, SqlFileRepository
from api_base.infrastructure.files.uploads import SqlStoredObjects, SqlUploads, SqlUsage
from api_base.interface import uploads_router
from api_base.interface.mcp import files as mcp_tools
from api_base.interface.v1 import files as v1

IMAGES: Final = "image/"
EXPIRY_INTERVAL: Final = 600.0


def _limits(settings: FileSettings) -> UploadLimits:
    return UploadLimits(max_bytes=settings.max_file_bytes, lifetime=timedelta(seconds=settings.upload_timeout_seconds))


def _handlers(ports: Ports) -> Sequence[Registration]:
    repository = SqlFileRepository(ports.database)
    opened = OpenFileHandler(repository, ports.storage)
    kinds = queries.ReadableKinds(ports.attachable, ports.checker)
    return [
        on(rename_file.RenameFile, rename_file.RenameFileHandler(repository, ports.clock)),
        on(GetFile, queries.GetFileHandler(ports.database)),
        on(GetFilesByIds, queries.GetFilesByIdsHandler(ports.database)),
        on(GetAttachedFiles, queries.GetAttachedFilesHandler(ports.database, kinds)),
        on(ListAttachedFiles, queries.ListAttachedFilesHandler(ports.database, kinds)),
        on(ListFiles, queries.ListFilesHandler(ports.database)),
        on(OpenFile, opened),
        on(thumbnails.MakeThumbnails, thumbnails.MakeThumbnailsHandler(opened, ports.storage, ports.thumbnailer)),
        on(thumbnails.OpenThumbnail, thumbnails.OpenThumbnailHandler(ports.bus, ports.storage)),
        *_upload_handlers(ports, repository),
        *_ends(ports, repository),
        *_attachment_handlers(ports, repository),
    ]


def _upload_handlers(ports: Ports, repository: SqlFileRepository) -> Sequence[Registration]:
    """Of uploads on their way."""
    bus, storage, clock, ids, settings = ports.bus, ports.storage, ports.clock, ports.ids, ports.settings.files
    limits, uploads, usage = _limits(settings), SqlUploads(ports.database), SqlUsage(settings.quota_bytes, settings.quota_files)
    written = progress.UploadProgressHandler(uploads, usage, clock, limits)
    return [
        on(begin.GetUploadLimits, begin.GetUploadLimitsHandler(limits)),
        on(begin.BeginUpload, begin.BeginUploadHandler(repository, uploads, usage, ids, clock, limits)),
        on(begin.GetUpload, queries.GetUploadHandler(repository, uploads, clock)),
        on(progress.LeaseUpload, written),
        on(progress.ReservePart, written),
        on(progress.AdvanceUpload, written),
        on(upload_file.UploadFile, upload_file.UploadFileHandler(bus)),
        on(append.AppendToUpload, append.AppendToUploadHandler(bus, storage, ids, clock, limits, ports.upload_streams)),
        on(issue_ticket.IssueTicket, issue_ticket.IssueTicketHandler(bus, storage, limits)),
        on(complete.CompleteUpload, complete.CompleteUploadHandler(bus, repository, uploads, storage)),
        on(outcome.EndUpload, outcome.EndUploadHandler(uploads, ports.jobs, clock)),
    ]


def _ends(ports: Ports, repository: SqlFileRepository) -> Sequence[Registration]:
    """Of what ends uploads and files."""
    bus, storage, clock, settings = ports.bus, ports.storage, ports.clock, ports.settings.files
    uploads, objects, usage = SqlUploads(ports.database), SqlStoredObjects(), SqlUsage(settings.quota_bytes, settings.quota_files)
    removed = removal.RemovalHandler(bus, uploads, storage)
    checked = complete.CheckFileHandler(bus, repository, uploads, storage, ports.content_inspector, ports.scanner, ports.ids)

    async def published(file: File) -> None:
        if ports.thumbnailer.available and file.facts is not None and file.facts.media_type.startswith(IMAGES):
            await ports.jobs.enqueue(thumbnails.MakeThumbnails(id=file.id), unique=str(file.id))

    return [
        on(outcome.CheckFile, checked),
        on(outcome.RecordScan, outcome.RecordScanHandler(repository, clock)),
        on(outcome.PublishFile, outcome.PublishFileHandler(repository, uploads, objects, usage, clock, published)),
        on(outcome.RefuseFile, outcome.RefuseFileHandler(repository, uploads, objects, usage, clock)),
        on(removal.RemoveFile, removal.RemoveFileHandler(repository, uploads, objects, usage)),
        on(removal.DeleteFile, removed),
        on(removal.TerminateUpload, removed),
        on(removal.ExpireUpload, removed),
        on(removal.RemoveRefused, removed),
        *_scheduled(ports, repository),
    ]


def _scheduled(ports: Ports, repository: SqlFileRepository) -> Sequence[Registration]:
    """Of what one worker does for all tenants."""
    inventory, opened = SqlFileInventory(ports.worker_database), OpenFileHandler(repository, ports.storage)
    orphans = maintenance.Orphans(inventory, ports.storage, ports.clock, _limits(ports.settings.files).lifetime)
    return [
        on(maintenance.DeleteOrphans, orphans),
        on(maintenance.RescanFiles, maintenance.Rescan(inventory, ports.bus, opened, ports.storage, ports.scanner)),
        on(maintenance.RecordRescan, maintenance.RecordRescanHandler(repository, ports.clock)),
    ]


def _attachment_handlers(ports: Ports, repository: SqlFileRepository) -> Sequence[Registration]:
    stored = SqlAttachmentRepository(ports.database)
    kinds = attachments.AttachableKinds(ports.bus, ports.attachable, ports.checker)
    return [
        on(attachments.GetAttachment, attachments.GetAttachmentHandler(kinds, stored)),
        on(attachments.AttachFile, attachments.AttachFileHandler(ports.bus, kinds)),
        on(attachments.DetachFile, attachments.DetachFileHandler(ports.bus, kinds)),
        on(attachments.FillSlot, attachments.FillSlotHandler(stored, repository, ports.ids, ports.clock)),
        on(attachments.EmptySlot, attachments.EmptySlotHandler(stored)),
    ]


def _background(ports: Ports) -> Sequence[PeriodicTask]:
    inventory = SqlFileInventory(ports.worker_database)
    expiry = maintenance.Expiry(inventory, ports.bus)
    refused = maintenance.RefusedFiles(inventory, ports.bus, timedelta(days=ports.settings.files.keep_refused_days))
    return [
        PeriodicTask(name="expire uploads", interval=EXPIRY_INTERVAL, run=expiry.run),
        PeriodicTask(name="remove refused files", interval=EXPIRY_INTERVAL, run=refused.run),
    ]


def _read(file: UUID) -> GetFile:
    return GetFile(id=file)


_CHANNELS: Final = (
    Channel(kind="files", message=GetFile, read=_read),
    PublicEvent(event="files.begun.v1", fields=("aggregate_id",), to={"files": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(
        event="files.ready.v1", fields=("aggregate_id", "size", "media_type"), to={"files": "aggregate_id"}, permission=permissions.READ
    ),
    PublicEvent(event="files.refused.v1", fields=("aggregate_id", "reason"), to={"files": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(event="files.renamed.v1", fields=("aggregate_id",), to={"files": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(event="files.deleted.v1", fields=("aggregate_id",), to={"files": "aggregate_id"}, permission=permissions.READ),
    PublicEvent(
        event="files.attached.v1", fields=("file_id", "kind", "entity_id", "slot"), to={"files": "file_id"}, permission=permissions.READ
    ),
    PublicEvent(
        event="files.detached.v1", fields=("file_id", "kind", "entity_id", "slot"), to={"files": "file_id"}, permission=permissions.READ
    ),
)

FILES: Final = Context(
    name="files",
    requires=("tenants",),
    tables=(tables.FILES, tables.UPLOADS, tables.UPLOAD_PARTS, tables.OBJECTS, tables.USAGE, tables.ATTACHMENTS),
    migrations=Path(files.__path__[0]) / "migrations",
    permissions={permissions.READ: VIEWERS, permissions.CREATE: MEMBERS, permissions.UPDATE: MEMBERS, permissions.DELETE: ADMINS},
    handlers=_handlers,
    events=(FileBegun, FileReady, FileRefused, FileRenamed, FileDeleted, FileAttached, FileDetached),
    channels=_CHANNELS,
    jobs=(
        Job(name="files.check", message=outcome.CheckFile, timeout=3600.0, system=True),
        Job(name="files.make_thumbnails", message=thumbnails.MakeThumbnails, timeout=600.0, system=True),
        Job(name="files.delete_orphans", message=maintenance.DeleteOrphans, timeout=4 * 3600.0),
        Job(name="files.rescan", message=maintenance.RescanFiles, timeout=4 * 3600.0),
    ),
    schedules=(
        Schedule(name="files.delete_orphans", cron="30 2 * * *", message=maintenance.DeleteOrphans),
        Schedule(name="files.rescan", cron="30 3 * * *", message=maintenance.RescanFiles),
    ),
    background=_background,
    mcp=mcp_tools.FILES,
    routes=v1.routes,
    graphql="api_base.interface.graphql.files:FILES",
    protocol_routes=uploads_router.routes,
)
