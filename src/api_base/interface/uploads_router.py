"""/api/v1/files/uploads: resumable uploads, by two protocols on the same resources. The request says which one it speaks.

tus 1.0 (`Tus-Resumable`) with creation, creation-with-upload, creation-defer-length, termination, checksum and expiration; and the IETF draft
Resumable Uploads for HTTP [draft-ietf-httpbis-resumable-upload], with `Upload-Draft-Interop-Version` 5, 6 and later, or without it. Errors
are problems; their status is that of the protocol.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends

from api_base.application.common.cqrs import Bus
from api_base.application.services.file_upload.append import ALGORITHMS, AppendToUpload
from api_base.application.services.file_upload.begin import BeginUpload, GetUpload, GetUploadLimits
from api_base.application.services.file_upload.complete import CompleteUpload
from api_base.application.services.file_upload.dtos import UploadDTO
from api_base.application.services.file_upload.removal import TerminateUpload
from api_base.core.errors import ApiBaseError
from api_base.interface.openapi.components import header_references
from api_base.interface.public_url import public_prefix
from api_base.interface.resumable import (
    PARTIAL_TYPE,
    TUS_TYPE,
    TUS_VERSION,
    Fields,
    ResumableHeaders,
    ResumableRequest,
    headers_of,
    refusal,
    upload_limit,
)
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.rendering import ProtocolAnswer
from api_base.interface.routes.streaming import BodyInterrupted, BodyStream
from api_base.interface.routes.versions import API
from api_base.interface.v1.bodies.files import Streamed
from api_base.interface.v1.files import MAX_BYTES, accepted

PATH: Final = f"{API}/files/uploads"
Said = Annotated[ResumableRequest, Depends(ResumableHeaders())]
_ANY: Final[dict[str, Any]] = {"requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}}


_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "headers": header_references(), "content": _PROBLEM}
    for status, description in (
        (412, "The version of tus is not 1.0.0"),
        (423, "Another request writes to the upload [tus]"),
        (460, "The bytes do not have the checksum [tus]"),
    )
}


class _Uploads:
    """What both protocols do, on the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def options(self) -> ProtocolAnswer:
        limits = await self._bus.execute(GetUploadLimits())
        headers = [
            (b"allow", b"OPTIONS, POST"),
            (b"accept-patch", f"{TUS_TYPE}, {PARTIAL_TYPE}".encode()),
            (b"tus-resumable", TUS_VERSION.encode()),
            (b"tus-version", TUS_VERSION.encode()),
            (b"tus-extension", b"creation,creation-with-upload,creation-defer-length,termination,checksum,expiration"),
            (b"tus-max-size", b"%d" % limits.max_bytes),
            (b"tus-checksum-algorithm", ",".join(ALGORITHMS).encode()),
            (b"upload-limit", upload_limit(limits)),
        ]
        return ProtocolAnswer(status=204, content=None, headers=headers)

    async def begin(self, said: ResumableRequest, content: BodyStream) -> ProtocolAnswer:
        length, carries = said.length_of(content), said.carries(content)
        begin = BeginUpload(name=said.name, content_type=said.content_type, length=length, metadata=said.metadata)
        upload = await self._bus.execute(begin)
        location = f"{public_prefix.get()}{said.path}/{upload.id}{said.repeated}".encode()
        if carries:
            limits = await self._bus.execute(GetUploadLimits())
            resumable = [(b"location", location), *said.echo, (b"upload-limit", upload_limit(limits))]
            informed = not said.tus and content.inform(104, b"Upload Resumption Supported", resumable)
            try:
                upload = await self._written(said, upload.id, content, 0)
            except BodyInterrupted:
                if not informed:  # the client cannot learn the location, so nothing will come any longer
                    await self._bus.execute(TerminateUpload(id=upload.id))
                raise
            except ApiBaseError as error:
                found = refusal(said, error)
                if found is None:
                    raise
                return replace(found, headers=[(b"location", location), *found.headers])
        return ProtocolAnswer(status=201, content=None, headers=[(b"location", location), *await self._described(said, upload)])

    async def offset(self, said: ResumableRequest, id: UUID) -> ProtocolAnswer:
        upload = await self._bus.execute(GetUpload(id=id))
        headers = await self._described(said, upload, whole=True)
        return ProtocolAnswer(status=200 if said.tus else 204, content=None, headers=headers)

    async def append(self, said: ResumableRequest, id: UUID, content: BodyStream) -> ProtocolAnswer:
        upload = await self._written(said, id, content, said.require_append())
        return ProtocolAnswer(status=204, content=None, headers=await self._described(said, upload))

    async def end(self, said: ResumableRequest, id: UUID) -> ProtocolAnswer:
        await self._bus.execute(TerminateUpload(id=id))
        return ProtocolAnswer(status=204, content=None, headers=said.echo)

    async def _written(self, said: ResumableRequest, id: UUID, content: BodyStream, offset: int) -> UploadDTO:
        """Append the body, and complete the upload with its last byte, also if a client of the IETF draft that said the length
        calls it incomplete, as tus-js-client 4.3 does."""
        last = said.complete is True
        append = AppendToUpload(id=id, offset=offset, content=content, length=said.length, last=last, checksum=said.checksum)
        upload = await self._bus.execute(append)
        if upload.length == upload.offset:
            accepted(await self._bus.execute(CompleteUpload(id=id)))
            return UploadDTO(id=id, offset=upload.offset, length=upload.length, complete=True, expires_at=None)
        return upload

    async def _described(self, said: ResumableRequest, upload: UploadDTO, *, whole: bool = False) -> Fields:
        return headers_of(said, upload, await self._bus.execute(GetUploadLimits()), whole=whole)


async def _answered(said: ResumableRequest, serve: Callable[[], Awaitable[ProtocolAnswer]]) -> ProtocolAnswer:
    """Return the answer; to a refused request, that of the protocol."""
    try:
        said.check()
        return await serve()
    except ApiBaseError as error:
        found = refusal(said, error)
        if found is None:
            raise
        return found


def routes(bus: Bus) -> Router:
    router, uploads = Router(prefix=PATH, tags=["uploads"]), _Uploads(bus)
    options = RouteOptions(protocol="uploads", replayable=False)
    streamed = RouteOptions(protocol="uploads", replayable=False, body_limit=MAX_BYTES, example={"body": "Four legs"})
    public = RouteOptions(protocol="uploads", replayable=False, auth="ignored")

    @router.options("", public, status_code=204, summary="Read the limits of uploads", response_model=None)
    async def upload_limits() -> ProtocolAnswer:
        return await uploads.options()

    @router.post(
        "", streamed, status_code=201, summary="Begin a resumable upload", openapi_extra=_ANY, response_model=None, responses=_REFUSED
    )
    async def begin_upload(said: Said, content: Streamed) -> ProtocolAnswer:
        return await _answered(said, partial(uploads.begin, said, content))

    @router.head("/{id}", options, status_code=200, summary="Ask how far an upload is", response_model=None, responses=_REFUSED)
    async def upload_offset(id: UUID, said: Said) -> ProtocolAnswer:
        return await _answered(said, partial(uploads.offset, said, id))

    @router.patch(
        "/{id}", streamed, status_code=204, summary="Continue an upload", openapi_extra=_ANY, response_model=None, responses=_REFUSED
    )
    async def continue_upload(id: UUID, said: Said, content: Streamed) -> ProtocolAnswer:
        return await _answered(said, partial(uploads.append, said, id, content))

    @router.delete("/{id}", options, status_code=204, summary="End an upload", response_model=None, responses=_REFUSED)
    async def end_upload(id: UUID, said: Said) -> ProtocolAnswer:
        return await _answered(said, partial(uploads.end, said, id))

    return router
