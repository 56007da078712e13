"""Whose the rows of each table are, and that the migrated database holds to it: policies, keys, privileges, functions."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import pytest
import sqlalchemy as sa

from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.schema import Ownership, owner_column, ownership

DEFINERS_OF_THE_OWNER: Final = {
    "create_audit_partitions": "only a table's owner makes partitions; it takes nothing from its caller",
    "drop_expired_audit": "only a table's owner drops partitions; what is young, not sealed or without a checkpoint stays",
    "user_password_hash": "only a function reads the hashes; it returns that of the user who owns the statement",
    "set_user_password_hash": "only a function writes the hashes; it refuses every user but the owner of the statement",
    "maintain_event_partitions": "only a table's owner makes and drops its partitions; nothing that a caller gives becomes SQL",
    "count_deprecated_calls": "only a function adds to counts that the server must not read; it takes nothing away",
    "publish_job_change": "only the trigger of jobs runs it, for who cancels a job too, who may not write the journal; it writes to the job's own channel",
}
"""Functions with the rights of a role that can connect, and why that gives their callers nothing else."""

BOOKKEEPING: Final = {"alembic_version"}

KEYS_WITHOUT_TENANT: Final = {
    "outbox_pkey": "its tenant may be null; ids are made by the application, never taken from a caller",
    "uq_tenants_slug": "a slug names a tenant to the world, and is refused as taken on purpose",
}
"""Unique indexes of tenant-owned tables that may start otherwise, and why no caller learns of another tenant by them."""

type Rows = Sequence[asyncpg.Record]


class Catalogue:
    """PostgreSQL's own account of the schema `public`."""

    def __init__(self, urls: Urls) -> None:
        self.tables = _read(
            urls,
            "select relname as name, relrowsecurity and relforcerowsecurity as protected, relowner::regrole::text as owner "
            "from pg_class where relkind in ('r', 'p') and not relispartition and relnamespace = 'public'::regnamespace",
        )
        self.policies = _read(
            urls,
            "select tablename as table, policyname as name, roles::text[], cmd, qual, with_check from pg_policies where schemaname = 'public'",
        )
        self.unique = _read(
            urls,
            "select c.relname as table, i.relname as name, pg_get_indexdef(indexrelid, 1, true) as first "
            "from pg_index join pg_class c on c.oid = indrelid join pg_class i on i.oid = indexrelid "
            "where indisunique and c.relnamespace = 'public'::regnamespace",
        )
        self.references = _read(
            urls,
            "select conname as name, conrelid::regclass::text as table, confrelid::regclass::text as target, "
            "(select attname::text from pg_attribute where attrelid = conrelid and attnum = conkey[1]) as here, "
            "(select attname::text from pg_attribute where attrelid = confrelid and attnum = confkey[1]) as there "
            "from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace",
        )
        self.privileges = _read(
            urls,
            "select relname as table, coalesce(r.rolname, 'PUBLIC') as role, privilege_type as privilege "
            "from pg_class, aclexplode(relacl) left join pg_roles r on r.oid = grantee where relkind <> 'S' and relnamespace = 'public'::regnamespace",
        )
        self.definers = _read(
            urls,
            "select proname as name, rolname as owner, rolcanlogin as login, proconfig::text as config, "
            "has_function_privilege('public', p.oid, 'execute') as public "
            "from pg_proc p join pg_roles r on r.oid = proowner where prosecdef and pronamespace = 'public'::regnamespace",
        )


def _read(urls: Urls, sql: str) -> Rows:
    async def read() -> Rows:
        connection = await asyncpg.connect(urls.owner)
        try:
            rows: Rows = await connection.fetch(sql)
            return rows
        finally:
            await connection.close()

    return asyncio.run(read())


@pytest.fixture(scope="module")
def catalogue(shared_migrated: Urls) -> Catalogue:
    return Catalogue(shared_migrated)


@pytest.fixture(scope="module")
def declared(tables: list[sa.Table]) -> dict[str, sa.Table]:
    return {table.name: table for table in tables}


def owned_by(declared: dict[str, sa.Table], *kinds: Ownership) -> set[str]:
    return {name for name, table in declared.items() if ownership(table) in kinds}


def test_every_table_is_declared_with_its_owner(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    assert {row["name"] for row in catalogue.tables} - BOOKKEEPING == set(declared)
    assert {row["owner"] for row in catalogue.tables} == {"owner"}
    for name in owned_by(declared, Ownership.TENANT, Ownership.USER):
        assert owner_column(declared[name]) in declared[name].columns


def test_owned_tables_are_protected_from_everybody(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    protected = {row["name"] for row in catalogue.tables if row["protected"]}
    assert protected >= owned_by(declared, Ownership.TENANT, Ownership.USER)


def test_policies_for_app_compare_with_whom_the_statement_runs_for(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    seen = set()
    unread = set(declared) - {row["table"] for row in catalogue.privileges if (row["role"], row["privilege"]) == ("app", "SELECT")}
    for policy in catalogue.policies:
        if not {"app", "public"} & set(policy["roles"]):
            continue
        kind, column = ownership(declared[policy["table"]]), owner_column(declared[policy["table"]])
        for condition in filter(None, (policy["qual"], policy["with_check"])):
            assert "current_setting('app." in condition, f"{policy['name']} admits what nobody owns: {condition}"
        own = re.compile(rf"\(+{column} = \(NULLIF\(current_setting\('{kind.value}'")
        if (policy["qual"] and own.match(policy["qual"])) or (policy["table"] in unread and own.search(policy["with_check"] or "")):
            seen.add(policy["table"])
    assert seen >= owned_by(declared, Ownership.TENANT, Ownership.USER)


def test_unique_indexes_of_tenants_tables_start_with_the_tenant(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    tenants = owned_by(declared, Ownership.TENANT)
    wrong = [
        row["name"]
        for row in catalogue.unique
        if row["table"] in tenants and row["first"] != owner_column(declared[row["table"]]) and row["name"] not in KEYS_WITHOUT_TENANT
    ]
    assert wrong == []


def test_foreign_keys_between_tenants_tables_carry_the_tenant(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    """Checks of foreign keys bypass row-level security: without the tenant in them, one tenant could point at another's row."""
    tenants = owned_by(declared, Ownership.TENANT)
    wrong = [
        row["name"]
        for row in catalogue.references
        if {row["table"], row["target"]} <= tenants
        and (row["here"], row["there"]) != (owner_column(declared[row["table"]]), owner_column(declared[row["target"]]))
    ]
    assert wrong == []


def test_nobody_has_more_than_rows_to_read_and_write(catalogue: Catalogue) -> None:
    allowed: dict[str, set[str]] = {
        "app": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "worker": {"SELECT", "INSERT", "UPDATE", "DELETE"},
        "search": set(),  # columns only
    }
    wrong = [
        tuple(row.values())
        for row in catalogue.privileges
        if row["role"] != "owner" and row["privilege"] not in allowed.get(row["role"], ())
    ]
    assert wrong == []


def test_worker_passes_policies_only_where_it_is_named(catalogue: Catalogue, declared: dict[str, sa.Table]) -> None:
    granted = {row["table"] for row in catalogue.privileges if row["role"] == "worker"} - BOOKKEEPING
    named = {policy["table"] for policy in catalogue.policies if "worker" in policy["roles"]}
    assert granted == named | (granted & owned_by(declared, Ownership.SYSTEM))


def test_audit_can_only_be_added_to(catalogue: Catalogue) -> None:
    granted: dict[tuple[str, str], set[Any]] = {}
    for row in catalogue.privileges:
        if row["table"].startswith("audit") and row["role"] != "owner":
            granted.setdefault((row["role"], row["table"]), set()).add(row["privilege"])
    added = {"SELECT", "INSERT"}
    assert granted == {
        ("app", "audit"): {"SELECT"},  # and to insert, by columns
        ("worker", "audit"): {"SELECT"},
        ("worker", "audit_seals"): added,
        ("worker", "audit_checkpoints"): added,
    }


def test_functions_with_their_owners_rights_are_closed(catalogue: Catalogue) -> None:
    assert {row["name"] for row in catalogue.definers} >= {"search_items"}
    for row in catalogue.definers:
        assert not row["public"], f"everybody may call {row['name']}"
        assert not row["login"] or row["name"] in DEFINERS_OF_THE_OWNER, f"{row['name']} belongs to {row['owner']}, who can connect"
        assert "search_path=" in (row["config"] or ""), f"{row['name']} finds names by its caller's search_path"
