"""Create files, their uploads, the objects and the usage of tenants, and attachments."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text, timestamp

revision = "files_001"
down_revision = None
branch_labels = ("files",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
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
        sa.PrimaryKeyConstraint("tenant_id", "id", name="files_pkey"),
    )
    op.create_index("ix_files_created_at", "files", ["tenant_id", "created_at", "id"])
    op.create_index("ix_files_name", "files", ["tenant_id", "name", "created_at", "id"])
    op.create_index("ix_files_state", "files", ["tenant_id", "state", "created_at", "id"])
    op.create_index("ix_files_signatures", "files", ["engine", "signatures"], postgresql_where=sa.text("state = 'ready'"))
    op.create_index("ix_files_object_key", "files", ["object_key"])
    _uploads()
    _shares()
    for table in ("files", "file_uploads", "file_upload_parts", "file_objects", "file_usage", "file_attachments"):
        ddl.protect(table)
    for table in ("files", "file_uploads", "file_objects"):
        ddl.worker_policy(table)
        ddl.grant(table, app=ddl.READ_WRITE, worker=("select",))
    for table in ("file_upload_parts", "file_attachments", "file_usage"):
        ddl.grant(table, app=ddl.READ_WRITE)


def _uploads() -> None:
    op.create_table(
        "file_uploads",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("owner_id", sa.Uuid, nullable=False),
        sa.Column("object_key", text(), nullable=False),
        sa.Column("storage_upload", text()),
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
        sa.Column("lease", sa.Uuid),
        sa.Column("leased_until", timestamp()),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("expires_at", timestamp(), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="file_uploads_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"],
            ["files.tenant_id", "files.id"],
            name="fk_file_uploads_file",
            deferrable=True,
            initially="DEFERRED",  # a unit of work sends the row of the file last
        ),
    )
    for columns in (("expires_at",), ("object_key",), ("tail_key",), ("storage_upload",)):
        op.create_index(f"ix_file_uploads_{columns[0]}", "file_uploads", columns)
    op.create_table(
        "file_upload_parts",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("upload_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("etag", text(), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "upload_id", "number", name="file_upload_parts_pkey"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "upload_id"],
            ["file_uploads.tenant_id", "file_uploads.id"],
            name="fk_file_upload_parts_upload",
            ondelete="CASCADE",
        ),
    )


def _shares() -> None:
    op.create_table(
        "file_objects",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("sha256", text(), nullable=False),
        sa.Column("object_key", text(), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("files", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name="file_objects_pkey"),
    )
    op.create_index("ix_file_objects_object_key", "file_objects", ["object_key"])
    op.create_table(
        "file_usage",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("files", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="file_usage_pkey"),
    )
    op.create_table(
        "file_attachments",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("kind", text(), nullable=False),
        sa.Column("entity_id", sa.Uuid, nullable=False),
        sa.Column("slot", text(), nullable=False),
        sa.Column("file_id", sa.Uuid, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="file_attachments_pkey"),
        sa.UniqueConstraint("tenant_id", "kind", "entity_id", "slot", name="uq_file_attachments_slot"),
        sa.ForeignKeyConstraint(["tenant_id", "file_id"], ["files.tenant_id", "files.id"], name="fk_file_attachments_file"),
    )
    op.create_index("ix_file_attachments_file_id", "file_attachments", ["tenant_id", "file_id"])


def downgrade() -> None:
    for table in ("file_attachments", "file_usage", "file_objects", "file_upload_parts", "file_uploads", "files"):
        op.drop_table(table)
