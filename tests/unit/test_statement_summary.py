"""The summary of a statement: its operations and tables, never a value or a name that exists only inside it."""

import pytest
import sqlalchemy as sa

from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db import write_statements
from api_base.infrastructure.db.changes import Kind
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.statement_spans import MAX_SUMMARY_LENGTH, summary
from api_base.infrastructure.events.consumer import DUE
from api_base.infrastructure.events.relay import WAITING
from api_base.infrastructure.events.tables import OUTBOX
from api_base.infrastructure.items.tables import ITEMS
from api_base.infrastructure.tasks.store import CLAIM


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("begin isolation level serializable", "BEGIN"),
        ("commit", "COMMIT"),
        ("select set_config($1, $2, true)", "SELECT"),
        ("select 1 from items where name = 'from secrets' for update", "SELECT items"),
        ("select * from items where name = 'it''s from secrets' -- from comments\n", "SELECT items"),
        ("update items set a = 1 where b is distinct from attempts", "UPDATE items"),
        ("delete from only deliveries d using unnest($1) as u(x)", "DELETE deliveries"),
        ("insert into a (x) select 1 from b on conflict (x) do update set x = 1", "INSERT a SELECT b"),
        ("with made as (insert into x (a) select 1 returning 1) select count(*) from made", "INSERT x"),
        ("", "QUERY"),
    ],
)
def test_a_summary_has_operations_and_tables(sql: str, expected: str) -> None:
    assert summary(sql) == expected


def test_our_own_statements() -> None:
    read = Statement(sa.select(ITEMS).where(owned(ITEMS), ITEMS.c.id == sa.bindparam("id", type_=sa.Uuid())), Ownership.TENANT)
    assert summary(read.sql) == "SELECT items"
    assert summary(write_statements.single(Kind.INSERT, ITEMS, (AUDIT, OUTBOX))) == "INSERT items INSERT audit INSERT outbox"
    assert summary(write_statements.single(Kind.UPDATE, ITEMS, (AUDIT,))) == "SELECT items INSERT items INSERT audit"
    assert summary(write_statements.guarded_update(ITEMS)) == "UPDATE items"
    assert summary(write_statements.bulk_insert(ITEMS)) == "INSERT items"
    assert summary(CLAIM) == "SELECT jobs UPDATE jobs"
    assert summary(WAITING) == "SELECT outbox SELECT deliveries"
    assert summary(DUE) == "SELECT deliveries SELECT outbox"


def test_a_summary_is_bounded() -> None:
    joined = " ".join(f"join table_{number:03} t{number} on true" for number in range(100))
    assert len(summary(f"select 1 from items {joined}")) == MAX_SUMMARY_LENGTH
