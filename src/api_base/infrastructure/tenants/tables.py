"""Tables of the context `tenants`.

A second policy, on `app.user_id`, lets users read their own memberships, those tenants, and the invitations that they sent. A third one lets
anybody who names it find a tenant that has public pages.
"""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import PERSONAL, tenant_owned, text, timestamp

METADATA: Final = sa.MetaData()

TENANTS: Final = tenant_owned(
    "tenants",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", text(), nullable=False),
    sa.Column("slug", text(), nullable=False),
    sa.Column("personal", sa.Boolean, nullable=False),
    sa.Column("plan", text(), nullable=False),
    sa.Column("public_pages", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.UniqueConstraint("slug", name="uq_tenants_slug"),
    owner="id",
    across_owners={
        "tenants_pkey": "the id of a tenant is its owner",
        "uq_tenants_slug": "a slug names a tenant to the world, and is deliberately refused as taken",
    },
)

MEMBERSHIPS: Final = tenant_owned(
    "memberships",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("role", text(), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.UniqueConstraint("tenant_id", "user_id", name="uq_memberships_tenant_id_user_id"),
    sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_memberships_tenant_id"),
    sa.Index("ix_memberships_created_at", "tenant_id", "created_at", "id"),
    sa.Index("ix_memberships_role", "tenant_id", "role", "created_at", "id"),
    sa.Index("ix_memberships_user_id", "user_id", "created_at"),
)

INVITATIONS: Final = tenant_owned(
    "invitations",
    METADATA,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", text(), nullable=False, info=PERSONAL),
    sa.Column("role", text(), nullable=False),
    sa.Column("language", text(), nullable=False),
    sa.Column("invited_by", sa.Uuid, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Column("accepted_at", timestamp()),
    sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name="fk_invitations_tenant_id"),
    sa.Index("uq_invitations_pending", "tenant_id", "email", unique=True, postgresql_where=sa.text("accepted_at is null")),
    sa.Index("ix_invitations_created_at", "tenant_id", "created_at", "id"),
    sa.Index("ix_invitations_invited_by", "invited_by"),
    sa.Index("ix_invitations_expires_at", "expires_at"),
)
