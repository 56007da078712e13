"""Create the documents of all search indexes, their generations, and the function that finds and ranks them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.ranked_search import drop_ranked_search, ranked_search
from api_base.infrastructure.db.schema import text, timestamp

revision = "search_001"
down_revision = None
branch_labels = ("search",)
depends_on = ("text_search_001",)


def upgrade() -> None:
    op.create_table(
        "search_generations",
        sa.Column("id", sa.Integer, sa.Identity(always=True), nullable=False),
        sa.Column("index_name", text(), nullable=False),
        sa.Column("state", text(), nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("languages", ARRAY(text()), nullable=False),
        sa.Column("weights", ARRAY(sa.REAL), nullable=False),
        sa.PrimaryKeyConstraint("id", name="search_generations_pkey"),
        sa.UniqueConstraint("index_name", "state", name="uq_search_generations_index_name_state"),
    )
    ddl.grant("search_generations", app=("select", "insert"), worker=ddl.READ_WRITE)
    op.execute(f"grant select (id, weights) on search_generations to {ddl.search_role()}")
    op.create_table(
        "search_documents",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", text(), nullable=False),
        sa.Column("title", text()),
        sa.Column("title_key", text()),
        sa.Column("document", JSONB),
        sa.Column("words", TSVECTOR),
        sa.Column("written_at", timestamp(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("tenant_id", "generation", "id", name="search_documents_pkey"),
    )
    op.create_index("ix_search_documents_title_key", "search_documents", ["tenant_id", "generation", "title_key"])
    op.execute("create index ix_search_documents_tombstones on search_documents (written_at) where digest = ''")
    ddl.protect("search_documents")
    ddl.worker_policy("search_documents")
    ddl.grant("search_documents", app=("select", "insert", "update"), worker=("select", "delete"))
    ranked_search(
        "search_in_documents",
        "search_documents",
        source="generation_id::text",
        weights="(select g.weights from public.search_generations g where g.id = generation_id)",
        parameters=(("generation", "generation_id", "integer"),),
    )


def downgrade() -> None:
    drop_ranked_search("search_in_documents", "search_documents", ", integer")
    op.execute("delete from search_words where source ~ '^[0-9]+$'")
    op.drop_table("search_documents")
    op.drop_table("search_generations")
