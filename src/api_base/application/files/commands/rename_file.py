"""Rename a file."""

from dataclasses import dataclass
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.cqrs import Command
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.core.protocols import Clock
from api_base.domain.files.repository import FileRepository


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameFile(Command[FileDTO]):
    permission = permissions.UPDATE
    id: UUID
    expected_version: int | None
    name: str


class RenameFileHandler:
    def __init__(self, files: FileRepository, clock: Clock) -> None:
        self._files, self._clock = files, clock

    async def handle(self, command: RenameFile) -> FileDTO:
        """Raises `NotFound`, `StaleVersion`, `Invalid`."""
        file = await load(self._files, "file", command.id, command.expected_version)
        if file.rename(command.name, self._clock.now()):
            await self._files.update(file)
        return FileDTO.of(file)
