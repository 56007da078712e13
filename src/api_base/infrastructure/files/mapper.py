"""Map a file and an attachment to their rows and back."""

from typing import Any

from api_base.core.errors import NotFound, Transient
from api_base.core.types import TenantId, UserId
from api_base.domain.files.attachment import Attachment
from api_base.domain.files.entities import File
from api_base.domain.files.errors import FileIsAttached
from api_base.domain.files.value_objects import FileFacts, FileState
from api_base.infrastructure.db.repository import TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.db.session import Row
from api_base.infrastructure.files.tables import ATTACHMENTS, FILES

_NO_FACTS = (None,) * 7


def to_row(file: File) -> tuple[Any, ...]:
    facts = file.facts
    found = (
        _NO_FACTS
        if facts is None
        else (facts.size, facts.sha256, facts.media_type, facts.width, facts.height, facts.engine, facts.signatures)
    )
    return (
        file.tenant_id,
        file.id,
        file.owner_id,
        file.name,
        file.declared_type,
        file.state.value,
        file.reason,
        file.object_key,
        *found,
        file.version,
        file.created_at,
        file.updated_at,
    )


def from_row(row: Row) -> File:
    facts = None
    if row["sha256"] is not None:
        facts = FileFacts(
            size=row["size"],
            sha256=row["sha256"],
            media_type=row["media_type"],
            width=row["width"],
            height=row["height"],
            engine=row["engine"],
            signatures=row["signatures"],
        )
    return File(
        id=row["id"],
        version=row["version"],
        tenant_id=TenantId(row["tenant_id"]),
        owner_id=UserId(row["owner_id"]),
        name=row["name"],
        declared_type=row["declared_type"],
        state=FileState(row["state"]),
        facts=facts,
        object_key=row["object_key"],
        reason=row["reason"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


MAPPING = TableMapping[File](
    entity="file",
    table=FILES,
    to_row=to_row,
    from_row=from_row,
    owner=lambda file: file.tenant_id,
    constraint_errors={"fk_file_attachments_file": lambda file: FileIsAttached()},
)

ATTACHMENT_MAPPING = TableMapping[Attachment](
    entity="attachment",
    table=ATTACHMENTS,
    to_row=row_of(ATTACHMENTS),
    from_row=restored(Attachment),
    owner=lambda attachment: attachment.tenant_id,
    constraint_errors={
        "uq_file_attachments_slot": lambda attachment: Transient("Another request has just filled this slot."),
        "fk_file_attachments_file": lambda attachment: NotFound("file", attachment.file_id),
    },
)
