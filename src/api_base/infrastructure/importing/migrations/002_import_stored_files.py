"""Import files of the context `files` instead of uploads in this table. Uploads that are not imported yet are deleted: send them again."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl

revision = "importing_002"
down_revision = "importing_001"


def upgrade() -> None:
    op.execute("alter table imports no force row level security")
    op.execute("delete from imports where content is not null")
    op.execute("alter table imports force row level security")
    op.drop_column("imports", "content")
    op.add_column("imports", sa.Column("file_id", sa.Uuid))
    op.execute(f"grant update (file_id) on imports to {ddl.quoted(ddl.roles().app)}")


def downgrade() -> None:
    op.drop_column("imports", "file_id")
    op.add_column("imports", sa.Column("content", sa.LargeBinary))
    op.execute(f"grant update (content) on imports to {ddl.quoted(ddl.roles().app)}")
