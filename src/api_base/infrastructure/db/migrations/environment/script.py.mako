"""${message}."""

${imports if imports else """from alembic import op

from api_base import ddl"""}

revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}
branch_labels = ${'("%s",)' % branch_labels[0] if branch_labels else None}
depends_on = ${"(" + ", ".join('"%s"' % one for one in ([depends_on] if isinstance(depends_on, str) else depends_on)) + ("," if isinstance(depends_on, str) or len(depends_on) == 1 else "") + ")" if depends_on else None}


def upgrade() -> None:
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    ${downgrades if downgrades else "raise NotImplementedError"}
