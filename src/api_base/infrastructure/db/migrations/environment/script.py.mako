"""${message}."""

from alembic import op

from api_base.infrastructure.db import ddl

revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}
branch_labels = ${'("%s",)' % branch_labels[0] if branch_labels else None}
depends_on = ${'("%s",)' % depends_on if depends_on else None}


def upgrade() -> None:
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    ${downgrades if downgrades else "raise NotImplementedError"}
