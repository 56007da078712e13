"""A ticket: a signed request by which a client writes to the storage itself, to a key from which nothing is served."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from api_base.application.common.cqrs import Bus, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.begin import BeginUpload
from api_base.application.services.file_upload.dtos import TicketDTO
from api_base.application.services.file_upload.keys import incoming_key
from api_base.application.services.file_upload.limits import UploadLimits
from api_base.core.protocols import Isolation, ObjectStorage
from api_base.core.types import request_tenant
from api_base.domain.files.value_objects import media_type, sha256_hex

LIFETIME: Final = timedelta(minutes=15)
"""In which the client must begin to send: the storage compares when a request arrives. A storage cannot be asked to forget what it signed, so this is
also how long a ticket can be used after its file is deleted. It then reaches its own key only, from which nothing is served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueTicket(Command[TicketDTO]):
    """`size` is in bytes, `sha256` in hex: completion compares both with what arrived, and a PUT is signed for them."""

    permission = permissions.CREATE
    isolation = Isolation.NONE
    name: str
    content_type: str
    size: int
    sha256: str
    method: Literal["PUT", "POST"]


class IssueTicketHandler:
    def __init__(self, bus: Bus, storage: ObjectStorage, limits: UploadLimits) -> None:
        self._bus, self._storage, self._lifetime = bus, storage, min(LIFETIME, limits.lifetime)

    async def handle(self, command: IssueTicket) -> TicketDTO:
        """Raises `Invalid`, `FileTooLarge`, `QuotaExceeded`."""
        kind, digest = media_type(command.content_type), sha256_hex(command.sha256)
        begin = BeginUpload(name=command.name, content_type=kind, length=command.size, sha256=digest, direct=True)
        begun = await self._bus.execute(begin)
        key = incoming_key(request_tenant(), begun.id)
        if command.method == "PUT":
            request = await self._storage.presigned_put(key, lifetime=self._lifetime, size=command.size, content_type=kind, sha256=digest)
        else:
            request = await self._storage.presigned_post(key, lifetime=self._lifetime, max_size=command.size, content_type=kind)
        return TicketDTO(
            id=begun.id,
            method=request.method,
            url=request.url,
            headers=request.headers,
            fields=request.fields,
            expires_at=request.expires_at,
        )
