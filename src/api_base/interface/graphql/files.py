"""Files. Their content is sent and read by the REST API."""

from typing import Final

from api_base.application.files.queries import FILE_FIELDS, GetFilesByIds, ListFiles
from api_base.application.services.file_upload.dtos import FileDTO
from api_base.application.tenants.dtos import MemberDTO
from api_base.interface.graphql.declared import GraphQL, Listing, Node, Relation

FILES: Final = GraphQL(
    nodes=(Node(name="File", dto=FileDTO, by_ids=lambda ids: GetFilesByIds(ids=ids), path="/files"),),
    listings=(
        Listing(
            name="files",
            dto=FileDTO,
            query=lambda request: ListFiles(request=request),
            fields=FILE_FIELDS,
            description="The files of the tenant.",
        ),
    ),
    relations=(
        Relation(on=FileDTO, name="owner", to=MemberDTO, key=lambda file: file.owner_id, description="Who uploaded it, if still a member."),
    ),
)
