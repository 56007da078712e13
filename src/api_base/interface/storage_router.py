"""/storage/{ticket}: the signed URLs of a storage that has no HTTP server of its own.

The ticket alone grants the request: access tokens are ignored. What a client stored is never rendered as a page of this origin; serve it from another one
(`STORAGE__PUBLIC_URL`) all the same, since browsers differ.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import Depends
from starlette.types import Scope

from api_base.application.services.file_upload.keys import tenant_of
from api_base.application.services.file_upload.limits import Streams
from api_base.core.errors import Forbidden
from api_base.core.protocols import SignedStorage, StoredObject, Ticket
from api_base.core.types.delivery import SANDBOX
from api_base.interface.file_form import FileForm
from api_base.interface.routes import RouteOptions, Router
from api_base.interface.routes.multipart import boundary_of
from api_base.interface.routes.parameters import header
from api_base.interface.routes.rendering import ProtocolAnswer, StreamAnswer
from api_base.interface.v1.bodies.files import Conditions, ReadConditions, Streamed, download_answer

MAX_BYTES: Final = 2**43
"""A ticket says how many bytes it grants."""


class ContentType:
    """The media type of the body, as it was sent."""

    def resolve(self, scope: Scope) -> str:
        return header(scope, b"content-type") or ""

    def __call__(self) -> None:
        """For the documentation."""


SentType = Annotated[str, Depends(ContentType())]


def routes(storage: SignedStorage, streams: Streams) -> Router:
    """Serve the URLs, and count what is uploaded by them among `streams`, for the tenant of the object. They are no part of the API's document: the storage makes each of them for one request."""
    router = Router(prefix="/storage", include_in_schema=False)
    options = RouteOptions(auth="ignored", protocol="storage", replayable=False, body_limit=MAX_BYTES)

    @router.get("/{ticket}", options, response_model=None)
    async def read_stored_file(ticket: str, conditions: Conditions) -> StreamAnswer:
        granted = storage.ticket(ticket, "GET")
        return _download(storage, granted, await storage.head(granted.key), conditions)

    @router.put("/{ticket}", options, response_model=None)
    async def put_stored_file(ticket: str, content: Streamed, content_type: SentType) -> ProtocolAnswer:
        granted = storage.ticket(ticket, "PUT")
        if content_type != granted.content_type or content.size not in (None, granted.size):
            raise Forbidden("The URL grants another Content-Type or Content-Length.")
        with streams.one(tenant_of(granted.key)):
            stored = await storage.put(granted.key, content.within(granted.size), content_type=granted.content_type, sha256=granted.sha256)
        return ProtocolAnswer(status=200, content=None, headers=[(b"etag", f'"{stored.etag}"'.encode())])

    @router.post("/{ticket}", options, status_code=204, response_model=None)
    async def post_stored_file(ticket: str, content: Streamed, content_type: SentType) -> ProtocolAnswer:
        granted = storage.ticket(ticket, "POST")
        sent = FileForm(boundary_of(content_type), content, {"Content-Type": granted.content_type}, granted.size)
        with streams.one(tenant_of(granted.key)):
            stored = await storage.put(granted.key, sent, content_type=granted.content_type)
        return ProtocolAnswer(status=204, content=None, headers=[(b"etag", f'"{stored.etag}"'.encode())])

    return router


def _download(storage: SignedStorage, granted: Ticket, found: StoredObject, conditions: ReadConditions) -> StreamAnswer:
    described = [
        (b"content-type", granted.content_type.encode()),
        (b"content-disposition", granted.disposition.encode()),
        (b"content-security-policy", SANDBOX.encode()),
    ]

    def read(start: int, end: int) -> AsyncIterator[bytes]:
        return storage.read(found.key, start=start, end=end, if_match=found.etag)

    return download_answer(f'"{found.etag}"', found.size, conditions, described, read)
