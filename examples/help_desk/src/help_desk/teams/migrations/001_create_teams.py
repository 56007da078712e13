"""Create teams, team_agents."""

import sqlalchemy as sa
from alembic import op

from api_base import ddl, text, timestamp

revision = "teams_001"
down_revision = None
branch_labels = ("teams",)
depends_on = ("base_001",)


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("title", text(), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.Column("updated_at", timestamp(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    ddl.protect("teams")
    ddl.grant("teams", app=ddl.READ_WRITE)
    op.create_index(
        "ix_teams_tenant_id_created_at",
        "teams",
        ["tenant_id", "created_at", "id"],
    )
    op.create_index(
        "ix_teams_tenant_id_title_created_at",
        "teams",
        ["tenant_id", "title", "created_at", "id"],
    )
    op.create_table(
        "team_agents",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("team_id", sa.Uuid, nullable=False),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("created_at", timestamp(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "team_id"],
            ["teams.tenant_id", "teams.id"],
            name="fk_team_agents_team_id",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "team_id", "user_id"),
    )
    ddl.protect("team_agents")
    ddl.grant("team_agents", app=("select", "insert", "delete"))
    op.create_index(
        "ix_team_agents_user_id",
        "team_agents",
        ["tenant_id", "user_id", "team_id"],
    )


def downgrade() -> None:
    op.drop_table("team_agents")
    op.drop_table("teams")
