"""/api/v1/files: files of a tenant. Resumable uploads are in interface/uploads_router.py."""

from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Response

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.files.commands.attachments import AttachFile, AttachmentDTO, DetachFile, GetAttachment
from api_base.application.files.commands.rename_file import RenameFile
from api_base.application.files.queries import FILE_FIELDS, GetFile, ListFiles
from api_base.application.services.file_upload.begin import UNNAMED
from api_base.application.services.file_upload.complete import CompleteUpload
from api_base.application.services.file_upload.content import FileContent, OpenFile
from api_base.application.services.file_upload.dtos import FileDTO, TicketDTO
from api_base.application.services.file_upload.issue_ticket import IssueTicket
from api_base.application.services.file_upload.removal import DeleteFile
from api_base.application.services.file_upload.thumbnails import OpenThumbnail
from api_base.application.services.file_upload.upload_file import UploadFile
from api_base.core.types.delivery import delivery_headers
from api_base.domain.files.errors import FileRefused
from api_base.domain.files.value_objects import FileState
from api_base.interface.routes import ExpectedVersion, ListQuery, RouteOptions, Router
from api_base.interface.routes.rendering import StreamAnswer
from api_base.interface.v1.bodies.files import (
    FILE_BODY,
    AttachmentBody,
    Conditions,
    FileParameters,
    PatchFileBody,
    ReadConditions,
    Streamed,
    TicketBody,
    UploadedFile,
    download_answer,
)

KEPT: Final = "private, no-cache"
MAX_BYTES: Final = 128 * 1024**3
"""The greatest value of `FILES__MAX_FILE_BYTES`, which bounds a file."""
_BINARY: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "The content", "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "A part of the content"},
    304: {"description": "The client has the content"},
}
_TICKET: Final = {"name": "chair.txt", "content_type": "text/plain", "size": 9, "sha256": "0" * 64}


def accepted(file: FileDTO) -> FileDTO:
    """Return a file that is ready or pending. Raises `FileRefused`."""
    if file.state is FileState.REFUSED:
        raise FileRefused(f"The file is refused. {file.reason}")
    return file


def routes(bus: Bus) -> Router:
    router = Router(prefix="/files", tags=["files"])

    @router.post(
        "",
        RouteOptions(
            versioned=True,
            location="./files/{id}",
            body_limit=MAX_BYTES,
            replayable=False,
            example={"body": "Four legs", "query": "name=chair.txt"},
        ),
        status_code=201,
        summary="Upload a file in one request",
        openapi_extra=FILE_BODY,
    )
    async def upload_file(file: Annotated[UploadedFile, Depends(FileParameters())], content: Streamed) -> FileDTO:
        return accepted(await bus.execute(UploadFile(name=file.name or UNNAMED, content_type=file.content_type, content=content)))

    @router.get("", RouteOptions(sparse=True, example={"query": "state=ready&sort=-created_at&limit=2"}), summary="List files")
    async def list_files(request: Annotated[ListRequest, Depends(ListQuery(FILE_FIELDS))]) -> Page[FileDTO]:
        return await bus.execute(ListFiles(request=request))

    @router.get("/{id}", RouteOptions(versioned=True, sparse=True), summary="Read a file's description")
    async def get_file(id: UUID) -> FileDTO:
        return await bus.execute(GetFile(id=id))

    @router.patch("/{id}", RouteOptions(versioned=True, example={"body": {"name": "chair.png"}}), summary="Rename a file")
    async def rename_file(id: UUID, expected: ExpectedVersion, body: PatchFileBody) -> FileDTO:
        return await bus.execute(RenameFile(id=id, expected_version=expected, name=body.name))

    @router.delete("/{id}", RouteOptions(), status_code=204, summary="Delete a file")
    async def delete_file(id: UUID, expected: ExpectedVersion) -> None:
        await bus.execute(DeleteFile(id=id, expected_version=expected))

    @router.post(
        "/tickets",
        RouteOptions(replayable=False, example={"body": _TICKET}),
        status_code=201,
        summary="Get a ticket to send a file to the storage itself",
    )
    async def issue_ticket(body: TicketBody) -> TicketDTO:
        command = IssueTicket(
            name=body.name,
            content_type=body.content_type,
            size=body.size,
            sha256=body.sha256,
            method="PUT" if body.method == "put" else "POST",
        )
        return await bus.execute(command)

    @router.post("/{id}/complete", RouteOptions(versioned=True, replayable=False), summary="Complete an upload by ticket")
    async def complete_upload(id: UUID) -> FileDTO:
        return accepted(await bus.execute(CompleteUpload(id=id)))

    _content(router, bus)
    _attachments(router, bus)
    return router


def _content(router: Router, bus: Bus) -> None:
    """Routes to bytes."""

    @router.get(
        "/{id}/content",
        RouteOptions(cache=KEPT),
        summary="Download a file",
        response_class=Response,
        response_model=None,
        responses=_BINARY,
    )
    async def download_file(id: UUID, conditions: Conditions) -> StreamAnswer:
        return _download(await bus.execute(OpenFile(id=id)), conditions)

    @router.get(
        "/{id}/thumbnails/{side}",
        RouteOptions(cache=KEPT),
        summary="Download a thumbnail",
        response_class=Response,
        response_model=None,
        responses=_BINARY,
    )
    async def download_thumbnail(id: UUID, side: int, conditions: Conditions) -> StreamAnswer:
        found = await bus.execute(OpenThumbnail(id=id, side=side))
        tag = f'"{found.sha256}"'
        headers = [(b"etag", tag.encode()), *_fields(delivery_headers(found.media_type, f"thumbnail-{side}"))]
        if conditions.known(tag):
            return StreamAnswer(status=304, headers=headers[:1], content=None)
        return StreamAnswer(status=200, headers=[*headers, (b"content-length", b"%d" % len(found.content))], content=_one(found.content))


def _attachments(router: Router, bus: Bus) -> None:
    """Routes to what files are attached to."""

    @router.get("/attachments/{kind}/{entity_id}/{slot}", RouteOptions(versioned=True), summary="Read which file is attached")
    async def get_attachment(kind: str, entity_id: UUID, slot: str) -> AttachmentDTO:
        return await bus.execute(GetAttachment(kind=kind, entity_id=entity_id, slot=slot))

    @router.put(
        "/attachments/{kind}/{entity_id}/{slot}",
        RouteOptions(versioned=True, example={"body": {"file_id": "0198c6f2-7d3e-7c44-8d9b-3f0c5b1f2a10"}}),
        summary="Attach a file to a resource",
    )
    async def attach_file(kind: str, entity_id: UUID, slot: str, body: AttachmentBody) -> AttachmentDTO:
        return await bus.execute(AttachFile(kind=kind, entity_id=entity_id, slot=slot, file_id=body.file_id))

    @router.delete("/attachments/{kind}/{entity_id}/{slot}", RouteOptions(), status_code=204, summary="Detach a file")
    async def detach_file(kind: str, entity_id: UUID, slot: str, expected: ExpectedVersion) -> None:
        await bus.execute(DetachFile(kind=kind, entity_id=entity_id, slot=slot, expected_version=expected))


def _download(content: FileContent, conditions: ReadConditions) -> StreamAnswer:
    """The content, a range of it, or that the client has it."""
    described = _fields(delivery_headers(content.media_type, content.file.name))
    return download_answer(f'"{content.sha256}"', content.size, conditions, described, content.read)


def _fields(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return header fields as ASGI has them, but for the one that every response has."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if name != "x-content-type-options"]


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
