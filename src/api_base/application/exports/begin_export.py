"""Begin the export of a list. The rows follow by the list's own query, page by page, with its own permission."""

from dataclasses import dataclass
from typing import Final

from api_base.application.common.cqrs import Command
from api_base.core.protocols import ExportLog, Limit

EXPORT: Final = "exports:create"
LIMIT: Final = Limit(name="exports", quota=60, window=3600, burst=20, by="principal")


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginExport(Command[None]):
    """`list` is the path of the list, `parameters` are the names of the parameters in the request: values may be personal data."""

    permission = EXPORT
    limits = (LIMIT,)
    list: str
    format: str
    parameters: tuple[str, ...] = ()


class BeginExportHandler:
    def __init__(self, log: ExportLog) -> None:
        self._log = log

    async def handle(self, command: BeginExport) -> None:
        await self._log.began(command.list, command.format, command.parameters)
