"""A statement on an owned table names its owner, or is refused before it is sent."""

from typing import Any

import pytest
import sqlalchemy as sa

from api_base.core.errors import ProgrammingError
from api_base.infrastructure.db.schema import Ownership, system_owned, tenant_owned, user_owned
from api_base.infrastructure.db.statement import OWNER, Statement, owned

METADATA = sa.MetaData()
SHOPS = tenant_owned("shops", METADATA, sa.Column("tenant_id", sa.Uuid), sa.Column("id", sa.Uuid), sa.Column("keeper_id", sa.Uuid))
SHELVES = tenant_owned("shelves", METADATA, sa.Column("tenant_id", sa.Uuid), sa.Column("shop_id", sa.Uuid))
NOTES = user_owned("notes", METADATA, sa.Column("user_id", sa.Uuid), sa.Column("text", sa.Text))
COUNTRIES = system_owned("countries", METADATA, sa.Column("id", sa.Uuid))
OTHER = SHOPS.alias("other")


@pytest.mark.parametrize(
    "select",
    [
        sa.select(SHOPS).where(owned(SHOPS)),
        sa.select(SHOPS).where(SHOPS.c.tenant_id == OWNER, SHOPS.c.id.is_(None)),
        sa.select(OTHER).where(owned(OTHER)),
        sa.select(COUNTRIES),
        sa.select(SHOPS)
        .join(SHELVES, sa.and_(SHELVES.c.tenant_id == SHOPS.c.tenant_id, SHELVES.c.shop_id == SHOPS.c.id))
        .where(owned(SHOPS)),
        sa.select(SHOPS).where(owned(SHOPS), sa.exists().where(owned(SHELVES), SHELVES.c.shop_id == SHOPS.c.id)),
        sa.select(sa.func.count()).select_from(sa.select(SHOPS).where(owned(SHOPS)).subquery()),
        sa.union_all(sa.select(SHOPS.c.id).where(owned(SHOPS)), sa.select(COUNTRIES.c.id)),
    ],
)
def test_a_statement_that_names_its_owner_is_taken(select: Any) -> None:
    assert Statement(select).sql


@pytest.mark.parametrize(
    ("select", "tables"),
    [
        (sa.select(SHOPS), "shops"),
        (sa.select(SHOPS).where(SHOPS.c.tenant_id == sa.bindparam("tenant")), "shops"),
        (sa.select(SHOPS).where(SHOPS.c.tenant_id != OWNER), "shops"),
        (sa.select(SHOPS).where(sa.or_(owned(SHOPS), SHOPS.c.id.is_(None))), "shops"),
        (sa.select(SHOPS).where(owned(OTHER)).select_from(SHOPS, OTHER), "shops"),
        (sa.select(SHOPS).join(SHELVES, SHELVES.c.shop_id == SHOPS.c.id).where(owned(SHOPS)), "shelves"),
        (sa.select(SHOPS).where(owned(SHOPS), sa.exists().where(SHELVES.c.shop_id == SHOPS.c.id)), "shelves"),
        (sa.select(sa.func.count()).select_from(sa.select(SHOPS).subquery()), "shops"),
        (sa.union_all(sa.select(SHOPS.c.id), sa.select(COUNTRIES.c.id)), "shops"),
        (sa.select(SHOPS, NOTES), "notes, shops"),
    ],
)
def test_a_statement_that_does_not_name_its_owner_is_refused(select: Any, tables: str) -> None:
    with pytest.raises(ProgrammingError, match=f"reads {tables} without naming the owner"):
        Statement(select)


def test_what_the_system_runs_needs_no_owner_for_its_own_tables_only() -> None:
    assert Statement(sa.select(COUNTRIES), Ownership.SYSTEM).sql
    with pytest.raises(ProgrammingError, match="notes"):
        Statement(sa.select(NOTES), Ownership.SYSTEM)


def test_a_table_that_does_not_declare_its_owner_is_named() -> None:
    bare = sa.Table("bare", sa.MetaData(), sa.Column("id", sa.Uuid))
    with pytest.raises(ProgrammingError, match="'bare' does not declare who owns its rows: use tenant_owned"):
        Statement(sa.select(bare))
