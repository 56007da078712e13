"""Compare the tables that contexts declare with those that PostgreSQL has, by one query of its catalogue.

A declaration says who owns the rows; a migration has to protect them. What a migration forgot is refused before anything is committed or
served: a policy, FORCE ROW LEVEL SECURITY, a grant, a column, the owner in a unique index or foreign key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from api_base.core.errors import Fault, WiringError
from api_base.infrastructure.db.query_builder.text_search import search_name
from api_base.infrastructure.db.schema import (
    VISITED,
    VISITOR,
    DeclaredTable,
    Ownership,
    PublicRows,
    across_owners,
    column_type,
    declared_at,
    owner_column,
    ownership,
    privileges,
    public_rows,
)

SQL: Final = """
with roles as (select (select oid from pg_roles where rolname = $1) as app, (select oid from pg_roles where rolname = $2) as worker),
declared as (select * from unnest($3::text[], $4::text[], $5::text[]) as d (name, col, type))
select c.relname::text,
    c.relkind in ('r', 'p') and c.relrowsecurity and c.relforcerowsecurity,
    case when pg_get_userbyid(c.relowner) = $1 then 'same' when pg_has_role(app, c.relowner, 'usage') then 'member' else '' end,
    array(select p from unnest('{SELECT,INSERT,UPDATE}'::text[]) p where has_any_column_privilege(app, c.oid, p))
        || array(select p from unnest('{DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p where has_table_privilege(app, c.oid, p)),
    array(select p from unnest('{SELECT,INSERT,UPDATE}'::text[]) p where has_any_column_privilege(worker, c.oid, p))
        || array(select p from unnest('{DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p where has_table_privilege(worker, c.oid, p)),
    array(select array[d.col, d.type, coalesce(format_type(a.atttypid, null), '')] from declared d
        left join pg_attribute a on a.attrelid = c.oid and a.attname = d.col and a.attnum > 0 and not a.attisdropped
        where d.name = c.relname and (a.atttypid is null or a.atttypid is distinct from to_regtype(d.type)::oid)),
    array(select array[polname::text, coalesce(pg_get_expr(polqual, polrelid), ''), coalesce(pg_get_expr(polwithcheck, polrelid), ''), polcmd::text]
        from pg_policy where polrelid = c.oid and polpermissive
        and exists (select from unnest(polroles) r where r = 0 or pg_has_role(app, r, 'usage'))),
    exists (select from pg_policy, unnest(polroles) r where polrelid = c.oid and polpermissive and (r = 0 or pg_has_role(worker, r, 'usage'))),
    array(select array[indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true)] from pg_index
        where indrelid = c.oid and (indisunique or indisexclusion)),
    array(select array[conname::text, relname::text, (
            select coalesce(string_agg(h.attname || '=' || t.attname, ','), '') from unnest(conkey, confkey) k (here, there)
            join pg_attribute h on h.attrelid = conrelid and h.attnum = here join pg_attribute t on t.attrelid = confrelid and t.attnum = there)]
        from pg_constraint join pg_class target on target.oid = confrelid where conrelid = c.oid and contype = 'f'),
    exists (select from pg_policy join pg_proc on pronamespace = c.relnamespace and proname = $7 || c.relname
        where polrelid = c.oid and polcmd = 'r' and strpos(pg_get_expr(polqual, polrelid), $6) > 0
        and strpos(prosrc, pg_get_expr(polqual, polrelid)) = 0)
from pg_class c, roles
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname <> 'alembic_version'
    and not coalesce('security_invoker=true' = any (c.reloptions), false)
    and (c.relname = any ($3) or has_any_column_privilege(app, c.oid, 'select, insert, update')
        or has_table_privilege(app, c.oid, 'delete, truncate'))
    and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'e')
"""
"""A role inherits the privileges and policies of PUBLIC and of the roles that it is a member of. A view with `security_invoker` has the
privileges of its caller; the tables of extensions are not ours."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """One row of the query. Each element of the last lists is a list of texts."""

    name: str
    forced: bool
    owned_by_app: str
    app: Sequence[str]
    worker: Sequence[str]
    wrong_columns: Sequence[Sequence[str]]
    policies: Sequence[Sequence[str]]
    worker_policy: bool
    unique: Sequence[Sequence[str]]
    references: Sequence[Sequence[str]]
    stale_search: bool


class TableCheck:
    """`tables` are all that the application declares; `app` and `worker` the roles that use them. `left_out` are the names of those that it leaves
    out: a database may have them.

    A server process is not given the worker's URL, so it passes `app` twice: what only the worker was granted is not compared then.
    """

    def __init__(self, tables: Iterable[DeclaredTable], *, app: str, worker: str, left_out: Iterable[str] = ()) -> None:
        self._left_out = frozenset(left_out)
        self.tables: Mapping[str, DeclaredTable] = {table.name: table for table in tables}
        columns = [(table.name, column.name, column_type(column)) for table in self.tables.values() for column in table.columns]
        self._compares_worker = worker != app
        self.arguments = (app, worker, *(list(part) for part in zip(*columns, strict=True)), VISITED, search_name(""))
        """The parameters of `SQL`."""

    def refuse(self, rows: Iterable[Any], *, undeclared: bool = True) -> None:
        """Raise `WiringError` with every fault of `rows`, the result of `SQL`. `undeclared` refuses tables that nobody declares."""
        stored = {row.name: row for row in (_Stored(*values) for values in rows)}
        faults = [
            Fault(declared_at(table), f"In PostgreSQL, the table {name} {fault}.")
            for name, table in self.tables.items()
            for fault in self._faults(name, stored)
        ]
        if undeclared:
            faults += [
                Fault(
                    "PostgreSQL",
                    f"The table {name} is granted to the serving role, and no context declares it: add it to the tables of its Context, or revoke the grant.",
                )
                for name in sorted(stored.keys() - self.tables.keys() - self._left_out)
                if not stored[name].owned_by_app
            ]
        if faults:
            raise WiringError(faults)

    def _faults(self, name: str, rows: Mapping[str, _Stored]) -> Iterator[str]:
        row, table = rows.get(name), self.tables[name]
        if row is None:
            yield "does not exist: write a revision that creates it (`api-base migrate new`)"
            return
        for column, wanted, found in row.wrong_columns:
            yield f"has {'the type ' + found if found else 'no column'} where {column} {wanted} is declared: change it by a revision"
        if row.owned_by_app == "member":
            yield "belongs to a role that the serving role is a member of: policies would not apply. Revoke the membership"
        if not row.owned_by_app:
            yield from _privileges(row, privileges(table))
            if self._compares_worker and privileges(table) and not row.app and not row.worker:
                yield "is granted to no role: call ddl.grant in the revision that creates it"
        if ownership(table) is not Ownership.SYSTEM:
            yield from self._isolation(row, table)

    def _isolation(self, row: _Stored, table: DeclaredTable) -> Iterator[str]:
        owner, kind = owner_column(table), ownership(table)
        if not row.forced:
            yield "has no forced row-level security: call ddl.protect in the revision that creates it"
        elif not row.owned_by_app:
            yield from _policies(row, table, f"{owner}", f"{kind.value}")
        if row.stale_search:
            yield (
                "has a text search that was made for other public rows than it has now: call "
                f"not_searchable({table.name!r}), and then searchable({table.name!r}, …) with the same columns, in a revision"
            )
        for index, first in row.unique:
            if first != owner and index not in across_owners(table):
                yield f"has the unique index {index}, which does not start with {owner}: it would show the values of other owners"
        for constraint, target, pairs in row.references:
            other = self.tables.get(target)
            if other is None or ownership(other) is not kind:
                continue
            if f"{owner}={owner_column(other)}" not in pairs.split(","):
                yield f"has the foreign key {constraint} without {owner}: it would accept ids of other owners in {target}"


def _of_visitors(rows: PublicRows, owner: str) -> dict[tuple[str, str, str], str]:
    """Return what the policies are for that `ddl.publish` creates, by their conditions, as PostgreSQL writes them, and their commands."""

    def setting(name: str) -> str:
        return f"(NULLIF(current_setting('{name}'::text, true), ''::text))::uuid"

    mine = f"({rows.own} = {setting(VISITOR)})"
    either = [one for one in (rows.published, rows.own and mine) if one is not None]
    shown = either[0] if len(either) == 1 else f"({' OR '.join(either)})"
    present = "" if rows.deleted is None else f" AND ({rows.deleted} IS NULL)"
    visible = f"COALESCE((({owner} = {setting(VISITED)}){present} AND {shown}), false)"
    policies = {(visible, "", "r"): "its public rows" if rows.published else "rows of visitors"}
    if rows.written:
        written = f"COALESCE((({owner} = {setting(VISITED)}) AND {mine}), false)"
        policies[written, written, "*"] = "what visitors write"
    return policies


def _privileges(row: _Stored, allowed: Sequence[str]) -> Iterator[str]:
    for role, granted in (("serving role", row.app), ("worker", row.worker)):
        if more := sorted(set(granted) - set(allowed)):
            yield f"grants {', '.join(more)} to the {role}, which its declaration does not allow: revoke it"


def _policies(row: _Stored, table: DeclaredTable, owner: str, setting: str) -> Iterator[str]:
    own = re.compile(rf'\(+"?{re.escape(owner)}"? = \(NULLIF\(current_setting\(\'{re.escape(setting)}\'')
    protected, rows = not row.app, public_rows(table)
    missing = {} if rows is None or not row.app else _of_visitors(rows, owner)
    for name, using, check, command in row.policies:
        if missing.pop((using, check, command), None) is not None:
            continue
        if VISITED in using or VISITED in check:
            declared = "no row is public" if rows is None else ", ".join(rows.arguments())
            yield f"has the policy {name}, which gives visitors other rows than the declaration, by which {declared}: let both agree"
            continue
        if " OR " in using or any("current_setting('app." not in condition for condition in (using, check) if condition):
            yield f"has the policy {name}, which shows the serving role rows of other owners: compare {owner} with ddl.current_owner"
        protected |= bool(own.match(using)) or ("SELECT" not in row.app and own.search(check) is not None)
    if not protected:
        yield f"has no policy that compares {owner} with {setting}: call ddl.protect in the revision that creates it"
    if rows is not None and missing:
        called = ", ".join([repr(table.name), *rows.arguments()])
        yield f"has no policy for {' and '.join(missing.values())}: call ddl.publish({called}) in a revision"
    if row.worker and not row.worker_policy:
        yield "is granted to the worker without a policy, so it would see no row: call ddl.worker_policy"
