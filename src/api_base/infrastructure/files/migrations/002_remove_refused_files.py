"""Let the worker find the refused files that nothing is attached to."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl

revision = "files_002"
down_revision = "files_001"


def upgrade() -> None:
    op.create_index("ix_files_refused", "files", ["updated_at"], postgresql_where=sa.text("state = 'refused'"))
    ddl.worker_policy("file_attachments")
    ddl.grant("file_attachments", worker=("select",))


def downgrade() -> None:
    op.execute(f"revoke select on file_attachments from {ddl.quoted(ddl.roles().worker)}")
    op.execute("drop policy file_attachments_worker on file_attachments")
    op.drop_index("ix_files_refused", "files")
