"""What MCP clients see of files."""

from typing import Final
from uuid import UUID

from api_base.application.files.queries import FILE_FIELDS, GetFile, ListFiles
from api_base.application.services.file_upload import permissions
from api_base.application.services.file_upload.content import FileContent, OpenFile
from api_base.core.errors import RuleViolated
from api_base.interface.mcp.declared import Exposed, McpResource, ResourceContent, Tool

MAX_FILE_BYTES: Final = 1_048_576
"""A larger file is downloaded over HTTP."""


class FileTooLargeToShow(RuleViolated):
    """The file has more bytes than a resource may have."""


def _open(file: UUID) -> OpenFile:
    return OpenFile(id=file)


async def _content(file: FileContent) -> ResourceContent:
    if file.size > MAX_FILE_BYTES:
        raise FileTooLargeToShow(f"The file has {file.size} bytes; up to {MAX_FILE_BYTES} can be read as a resource. Download it instead.")
    content = b"".join([part async for part in file.read()])
    if file.media_type.startswith("text/") or file.media_type == "application/json":
        try:
            return ResourceContent(media_type=file.media_type, content=content.decode())
        except UnicodeDecodeError:
            pass
    return ResourceContent(media_type=file.media_type, content=content)


FILES: Final[tuple[Exposed, ...]] = (
    Tool(message=GetFile, description="Read the description of a file by its id. Its content is the resource api-base://files/{id}."),
    Tool(message=ListFiles, description="List files: filtered, sorted, in pages.", listing=FILE_FIELDS),
    McpResource(
        path="files",
        message=_open,
        permission=permissions.READ,
        name="file",
        description=f"The content of a file of up to {MAX_FILE_BYTES} bytes: text, or a blob.",
        content=_content,
    ),
)
