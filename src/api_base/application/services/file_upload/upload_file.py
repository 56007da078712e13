"""Upload a file in one request."""

from dataclasses import dataclass, field

from api_base.application.common.cqrs import Bus, Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.append import AppendToUpload, Content
from api_base.application.services.file_upload.begin import UNNAMED, BeginUpload
from api_base.application.services.file_upload.complete import CompleteUpload
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.application.services.file_upload.removal import TerminateUpload
from api_base.core.errors import ApiBaseError
from api_base.core.protocols import Isolation


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFile(Command[FileDTO]):
    """Begin, write and complete an upload."""

    permission = permissions.CREATE
    isolation = Isolation.NONE
    name: str = UNNAMED
    content_type: str = ""
    content: Content = field(repr=False)


class UploadFileHandler:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def handle(self, command: UploadFile) -> FileDTO:
        """Return the file, which may be pending or refused. If its bytes do not arrive, nothing is left of it. Raises what the three steps raise."""
        begin = BeginUpload(name=command.name, content_type=command.content_type, length=command.content.size)
        begun = await self._bus.execute(begin)
        try:
            await self._bus.execute(AppendToUpload(id=begun.id, offset=0, content=command.content, last=True))
        except ApiBaseError:
            await self._bus.execute(TerminateUpload(id=begun.id))
            raise
        return await self._bus.execute(CompleteUpload(id=begun.id))
