"""Change nothing, but follow text search.

Alembic stores only revisions that no applied one depends on. Contexts that search depend on text search, and an application may leave them out: a
revision that every application knows has to say that text search is applied.
"""

revision = "tasks_003"
down_revision = "tasks_002"
branch_labels = None
depends_on = ("text_search_001",)


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
