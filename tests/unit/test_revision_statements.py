"""Statements of revisions are written as `ruff format` leaves them, whatever the width of the project is."""

import subprocess
import sys

import pytest

from api_base.infrastructure.db.migrations.statements import formatted, names_in

STATEMENTS = (
    "op.drop_table('notes')",
    "op.create_table('notes',\n    sa.Column('id', sa.Uuid, nullable=False),\n    sa.Column('a\"b', text(), nullable=True),\n"
    "    sa.PrimaryKeyConstraint('id')\n    )",
    "op.create_index('ix', 'notes', ['id'], unique=False)",
    "op.create_index('ix_notes_tenant_id_a_column_with_a_long_name', 'notes', ['tenant_id', 'a_column_with_a_long_name'], unique=True)",
    "op.create_index('ix_notes', 'notes', ['tenant_id', sa.literal_column('a_column_with_a_long_name DESC NULLS LAST'), 'id'], unique=True)",
    "op.alter_column('notes', 'pinned', existing_type=sa.BOOLEAN(), type_=sa.Integer, existing_nullable=False, server_default=None)",
    "ddl.grant('notes', app=('select',))",
)


@pytest.mark.parametrize("width", ["88", "100", "140"])
def test_ruff_changes_nothing(width: str) -> None:
    text = f"def upgrade() -> None:\n    {formatted(STATEMENTS)}\n"
    command = [sys.executable, "-m", "ruff", "format", "--line-length", width, "-"]
    assert subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout == text


def test_what_only_repeats_a_default_is_left_out() -> None:
    text = formatted(STATEMENTS)
    assert "nullable=True" not in text
    assert "unique=False" not in text
    assert text.count("unique=True") == 2


def test_the_names_that_statements_use() -> None:
    assert names_in(STATEMENTS) == {"op", "sa", "text", "ddl"}
