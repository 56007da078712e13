"""Tables of the context `files`. The bytes are in the object storage."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import SECRET, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

FILES: Final = tenant_owned(
    "files",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner_id", sa.Uuid, nullable=False),
    sa.Column("name", text(), nullable=False),
    sa.Column("declared_type", text(), nullable=False),
    sa.Column("state", text(), nullable=False),
    sa.Column("reason", text()),
    sa.Column("object_key", text()),
    sa.Column("size", sa.BigInteger),
    sa.Column("sha256", text()),
    sa.Column("media_type", text()),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("engine", text()),
    sa.Column("signatures", text()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
)

UPLOADS: Final = tenant_owned(
    "file_uploads",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("owner_id", sa.Uuid, nullable=False),
    sa.Column("object_key", text(), nullable=False),
    sa.Column("storage_upload", text(), info=SECRET),
    sa.Column("direct", sa.Boolean, nullable=False),
    sa.Column("metadata", text(), nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("length", sa.BigInteger),
    sa.Column("sha256", text()),
    sa.Column("next_part", sa.Integer, nullable=False),
    sa.Column("tail_key", text()),
    sa.Column("tail_size", sa.BigInteger, nullable=False),
    sa.Column("reserved_bytes", sa.BigInteger, nullable=False),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("lease", sa.Uuid, info=SECRET),
    sa.Column("leased_until", timestamp()),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "id"], ["files.tenant_id", "files.id"], name="fk_file_uploads_file", deferrable=True, initially="DEFERRED"
    ),
)
"""Uploads on their way. They are no aggregates: `revision` guards each change."""

UPLOAD_PARTS: Final = tenant_owned(
    "file_upload_parts",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("upload_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("etag", text(), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(
        ["tenant_id", "upload_id"], ["file_uploads.tenant_id", "file_uploads.id"], name="fk_file_upload_parts_upload", ondelete="CASCADE"
    ),
)

OBJECTS: Final = tenant_owned(
    "file_objects",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("sha256", text(), primary_key=True),
    sa.Column("object_key", text(), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("files", sa.Integer, nullable=False),
)
"""Objects with the bytes of ready files: equal bytes of a tenant are stored once, and `files` counts who has them."""

USAGE: Final = tenant_owned(
    "file_usage",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("files", sa.BigInteger, nullable=False),
)

ATTACHMENTS: Final = tenant_owned(
    "file_attachments",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", text(), nullable=False),
    sa.Column("entity_id", sa.Uuid, nullable=False),
    sa.Column("slot", text(), nullable=False),
    sa.Column("file_id", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.UniqueConstraint("tenant_id", "kind", "entity_id", "slot", name="uq_file_attachments_slot"),
    sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"], name="fk_file_attachments_file"),
)
