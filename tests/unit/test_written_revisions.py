"""The file of a written revision imports what its statements use, so that it can be executed as it is."""

import runpy
from pathlib import Path

import pytest

from api_base.infrastructure.db.migrations.comparison import Difference
from api_base.infrastructure.db.migrations.revisions import BASE, Branch
from api_base.infrastructure.db.migrations.statements import names_in
from api_base.infrastructure.db.migrations.writer import write_difference


def column(type: str) -> str:
    return f"op.add_column('notes', sa.Column('more', {type}, nullable=True))"


STATEMENTS = (
    *map(column, ("text()", "timestamp()", "JSONB", "ARRAY(sa.Uuid)", "Xid8", "postgresql.INET()")),
    "searchable('notes', 'title')",
    "not_searchable('notes')",
    "ddl.grant('notes', app=ddl.READ_WRITE)",
)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_each_name_that_a_statement_uses_is_imported(tmp_path: Path, statement: str) -> None:
    written = write_difference([BASE, Branch(name="notes", folder=tmp_path)], "notes", None, Difference(upgrade=[statement]))
    assert written is not None
    assert names_in([statement]) <= runpy.run_path(str(written)).keys()
