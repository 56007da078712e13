"""Create articles, article_followers, article_votes."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, not_searchable, searchable, text, timestamp

revision = "articles_001"
down_revision = None
branch_labels = ("articles",)
depends_on = ("base_001", "text_search_001")


def upgrade() -> None:
    op.create_table(
        "articles",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("slug", text(), nullable=False),
        sa.Column("title", text(), nullable=False),
        sa.Column("body", text(), nullable=False),
        sa.Column("tags", text(), nullable=False),
        sa.Column("published", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.Column("deleted_at", timestamp()),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
        sa.UniqueConstraint("tenant_id", "slug", name="uq_articles_tenant_id_slug"),
    )
    ddl.protect("articles", public="published", own="user_id")
    ddl.grant("articles", app=ddl.READ_WRITE)
    op.create_index(
        "ix_articles_tenant_id_created_at",
        "articles",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        "ix_articles_tenant_id_deleted_at_created_at",
        "articles",
        ["tenant_id", "deleted_at", "created_at", "id"],
    )
    op.create_index(
        "ix_articles_tenant_id_published_created_at",
        "articles",
        ["tenant_id", "published", "created_at", "id"],
    )
    op.create_index(
        "ix_articles_tenant_id_tags_created_at",
        "articles",
        ["tenant_id", "tags", "created_at", "id"],
    )
    op.create_index(
        "ix_articles_tenant_id_title_created_at",
        "articles",
        ["tenant_id", "title", "created_at", "id"],
    )
    op.create_table(
        "article_followers",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("article_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "article_id"],
            ["articles.tenant_id", "articles.id"],
            name="fk_article_followers_article_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "article_id", "user_id"),
    )
    ddl.protect("article_followers")
    ddl.grant("article_followers", app=("select", "insert", "delete"))
    op.create_index(
        "ix_article_followers_user_id",
        "article_followers",
        ["tenant_id", "user_id", "article_id"],
    )
    op.create_table(
        "article_votes",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("article_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "article_id"],
            ["articles.tenant_id", "articles.id"],
            name="fk_article_votes_article_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "article_id", "user_id"),
    )
    ddl.protect("article_votes")
    ddl.grant("article_votes", app=("select", "insert", "delete"))
    op.create_index(
        "ix_article_votes_user_id",
        "article_votes",
        ["tenant_id", "user_id", "article_id"],
    )
    searchable("articles", "title", "body", "tags")


def downgrade() -> None:
    not_searchable("articles")
    op.drop_table("article_votes")
    op.drop_table("article_followers")
    op.drop_table("articles")
