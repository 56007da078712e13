"""Tables of the context `users`. Users, administrators and registrations belong to no tenant; a registration has no user yet."""

from typing import Final

import sqlalchemy as sa

from api_base.infrastructure.db.schema import PERSONAL, SECRET, system_owned, text, timestamp, user_owned

METADATA: Final = sa.MetaData()

USERS: Final = system_owned(
    "users",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", text(), nullable=False, info=PERSONAL),
    sa.Column("name", text(), nullable=False, info=PERSONAL),
    sa.Column("status", text(), nullable=False),
    sa.Column("language", text(), nullable=False),
    sa.Column("password_changed_at", timestamp()),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("updated_at", timestamp(), nullable=False),
    sa.UniqueConstraint("email", name="uq_users_email"),
    sa.Index("ix_users_created_at", "created_at", "id"),
    sa.Index("ix_users_status", "status", "created_at", "id"),
)

PLATFORM_ADMINISTRATORS: Final = system_owned(
    "platform_administrators",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_platform_administrators_user_id", ondelete="cascade"),
    privileges=("SELECT",),
)
"""Only the role that owns the table writes it: a process that serves cannot make anybody an administrator."""

IS_PLATFORM_ADMINISTRATOR: Final = sa.exists().where(PLATFORM_ADMINISTRATORS.c.user_id == USERS.c.id)
IS_PLATFORM_ADMIN: Final = IS_PLATFORM_ADMINISTRATOR.label("platform_admin")
"""Whether a user is an administrator of the platform, as a column of a statement that reads `USERS`."""

USER_PASSWORDS: Final = user_owned(
    "user_passwords",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("hash", text(), nullable=False, info=SECRET),
    sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_user_passwords_user_id", ondelete="cascade"),
    privileges=(),
)
"""No role has a privilege on it. Two functions read and write the hash of the user that owns the statement."""

REGISTRATIONS: Final = system_owned(
    "registrations",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("email", text(), nullable=False, info=PERSONAL),
    sa.Column("name", text(), nullable=False, info=PERSONAL),
    sa.Column("language", text(), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Column("used_at", timestamp()),
    sa.Index("uq_registrations_unconfirmed", "email", unique=True, postgresql_where=sa.text("used_at is null")),
    sa.Index("ix_registrations_expires_at", "expires_at"),
)

PASSWORD_RESETS: Final = user_owned(
    "password_resets",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", timestamp(), nullable=False),
    sa.Column("expires_at", timestamp(), nullable=False),
    sa.Column("used_at", timestamp()),
    sa.Index("uq_password_resets_unused", "user_id", unique=True, postgresql_where=sa.text("used_at is null")),
    sa.Index("ix_password_resets_expires_at", "expires_at"),
)
