"""Functions that find and rank the rows of a table by their words, for revisions to create.

A search collects at most so many candidates, and ranks only these: titles that begin with the text, which come from an index; rows that have all
words; and if no row has, rows that have similar words. Text operators are not leakproof, so with a policy no index serves them: the functions
are owned by the role `search` (docs/decisions/0007-text-search-by-function.md).
"""

from collections.abc import Sequence
from typing import Final

from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import Ownership

NEWEST: Final = 64
"""Rows that show whether a word stands in most rows of a tenant. No index is read for such a word, which would cost what it finds: the rows with the other
words are compared with it, and if all words are such, the newest rows are candidates."""

SCORE: Final = """(1000000 * (
    case when title_key = _folded then 50 when title_key >= _folded and title_key < _after then 40 when has_whole then 30 else 10 end
    + case when ts_filter(words, '{{a}}') @@ _any_of then case when _near then 6 * similarity(title_key, _folded)
        else 6 * _size / (_size + octet_length(title_key)) end else 0 end
    + 3 * ts_rank(_weights, words, _whole, 32)))::bigint"""
"""An exact title comes first, then titles that begin with the text, then rows with all words, then rows with similar words; among these, the shorter
title that has one of the words, and the greater weight of the words. If the words are only similar, the more similar title: to compare trigrams of a title costs
as much as everything else together."""

MATCHING: Final = """
create function {name}_matching(_tenant uuid{declared}, _folded text, _after text, _titles boolean, _parts text[], _whole tsquery, _every boolean,
    _near boolean, _candidates integer, out _ids uuid[], out _scores bigint[], out _complete boolean) language plpgsql stable as $$
#variable_conflict use_column
declare
    _weights real[] := {weights};
    _size float8 := octet_length(_folded);
    _asked text := array_to_string(_parts, case when _every then ' & ' else ' | ' end);
    _wanted tsquery := _asked::tsquery;
    _any_of tsquery := array_to_string(_parts, ' | ')::tsquery;
    _newest tsvector[] := array(select words from public.{table} where {found} order by id desc limit {newest});
begin
    if 2 * (select count(*) from unnest(_newest) n where n @@ _wanted) >= {newest} then
        select array_agg(id), array_agg({score}), bool_or(has_whole) into _ids, _scores, _complete from (
            select id, title_key, words, words @@ _whole has_whole
            from (select id, title_key, words from public.{table} where {found} order by id desc limit 4 * _candidates) n
            where words @@ _wanted and (_titles and title_key >= _folded and title_key < _after) is not true limit _candidates) n;
        if cardinality(_ids) = _candidates then
            return;
        end if;
    end if;
    if _every and cardinality(_parts) > 1 then
        _asked := coalesce((select string_agg(part, ' & ') from unnest(_parts) part
            where 2 * (select count(*) from unnest(_newest) n where n @@ part::tsquery) < {newest}), _asked);
    end if;
    select array_agg(id), array_agg({score}), bool_or(has_whole) into _ids, _scores, _complete from (
        select id, title_key, words, words @@ _whole has_whole
        from (select {read} from public.{table} where {indexed} @@ search_scoped_query({scope}, _asked) offset 0) n
        where {found} and words @@ _wanted and (_titles and title_key >= _folded and title_key < _after) is not true limit _candidates) n;
end $$
"""
"""Up to so many rows that have every one of `_parts`, or some, with their scores, and whether a row has the `_whole` text. Each row is read once.
With `_titles`, rows whose titles begin with the text are left out.

OFFSET 0 keeps the words that are not rare, and the tenant, out of the condition of the index: PostgreSQL would read another index of the tenant, too.
"""

RANKED: Final = """
create function {name}(_tenant uuid{declared}, _q text, _candidates integer)
returns table (id uuid, score bigint, terms tsquery, cut boolean, near boolean)
language plpgsql stable security definer rows 1000 set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    _folded text := search_fold(left(_q, 1000));
    _after text := _folded || chr(1114111);
    _weights real[] := {weights};
    _size float8 := octet_length(_folded);
    _parts text[];
    _whole tsquery;
    _any_of tsquery;
    _near boolean := false;
    _title_ids uuid[];
    _title_scores bigint[];
    _ids uuid[];
    _scores bigint[];
    _complete boolean;
begin
    if _folded = '' or not ({current}) then
        return;
    end if;
    _whole := array_to_string(search_terms(_tenant, {source}, _q, false, false, true), ' & ')::tsquery;
    _parts := search_terms(_tenant, {source}, _q, true, false, true);
    _any_of := array_to_string(_parts, ' | ')::tsquery;
    if position('"' in _q) = 0 then
        select array_agg(id), array_agg({score}) into _title_ids, _title_scores from (
            select id, title_key, words, words @@ _whole has_whole from public.{table}
            where {found} and title_key >= _folded and title_key < _after order by title_key limit _candidates) titles;
    end if;
    if _title_ids is null or cardinality(_title_ids) < _candidates then
        select m._ids, m._scores, m._complete into _ids, _scores, _complete
            from {name}_matching(_tenant{passed}, _folded, _after, _title_ids is not null, _parts, _whole, true, false, _candidates) m;
    end if;
    if _title_ids is null and _complete is not true then
        _near := {near};
        if _near then
            _parts := search_terms(_tenant, {source}, _q, true, true, true);
            select m._ids, m._scores, m._complete into _ids, _scores, _complete
                from {name}_matching(_tenant{passed}, _folded, _after, false, _parts, _whole, true, true, _candidates) m;
        end if;
        if _ids is null then
            _parts := search_terms(_tenant, {source}, _q, true, _near, false);
            select m._ids, m._scores, m._complete into _ids, _scores, _complete
                from {name}_matching(_tenant{passed}, _folded, _after, false, _parts, _whole, false, _near, _candidates) m;
        end if;
        _any_of := array_to_string(_parts, ' | ')::tsquery;
    end if;
    return query select unnest(_title_ids || _ids), unnest(_title_scores || _scores), _any_of,
        greatest(cardinality(_title_ids), cardinality(_ids)) >= _candidates, _near;
end $$
"""
"""`terms` are the words to highlight, `cut` says that there may be more rows, `near` that the words are only similar.

The names of variables begin with an underscore, which the columns of no resource do.
"""

UNUSED: Final = """
create function {name}_unused(_tenant uuid{declared}, _listed text[]) returns text[] language sql stable security definer
set search_path = pg_catalog, public, pg_temp set enable_seqscan = off set enable_indexscan = off as $$
    select array(select word from unnest(_listed) word where not exists (
        select from (select {read} from public.{table} where {indexed} @@ search_scoped_query({scope}, '(' || quote_literal(word) || ')') offset 0) n
        where {mine}))
$$
"""
"""Those of `_listed`, words of the tenant, that no row has. Only the index of words is read: PostgreSQL takes any word for a frequent one."""

_VISIBLE: Final = """
select pg_get_expr(polqual, polrelid),
    array(select attname::text from pg_depend join pg_attribute on attrelid = refobjid and attnum = refobjsubid
        where classid = 'pg_policy'::regclass and objid = p.oid and refobjid = polrelid)
from pg_policy p where polrelid = to_regclass($1) and polname = any ($2) order by polname
"""
"""The conditions of the policies for visitors, as PostgreSQL writes them, and the columns that they name."""


def ranked_search(name: str, table: str, *, source: str, weights: str, parameters: Sequence[tuple[str, str, str]] = ()) -> None:
    """Index the words of `table`, and create `name(tenant uuid, <parameters>, q text, candidates integer)`, which finds and ranks rows of the current
    tenant, and `name_unused(tenant uuid, <parameters>, listed text[])`, which the role `worker` may call.

    The table has the columns `id`, `title_key` (the folded title, with an index on the tenant, the columns of the parameters and it) and `words`.
    `parameters` (column, name, type) are values that the columns of a row must have. `source` and `weights` are SQL: the source of the tenant's words, and
    the weights of D, C, B, A.

    Visitors of a table with public rows (`ddl.publish`, which has to be called before) find what its policies show them. To them, only the rows that they see
    count: neither the candidates nor similar words, which may be those of private rows, tell what is in others.
    """
    declared = "".join(f", {parameter} {kind}" for _, parameter, kind in parameters)
    columns = [column for column, _, _ in parameters]
    visible, shown = _visible(table)
    read = tuple(dict.fromkeys(("tenant_id", "id", "title_key", "words", *columns, *shown)))
    mine = " and ".join(["tenant_id = _tenant", *(f"{column} = {parameter}" for column, parameter, _ in parameters)])
    owner, visited = ddl.current_owner(Ownership.TENANT), ddl.visited_tenant()
    member = f"_tenant is not distinct from {owner}"
    indexed = f"search_scoped({_scope('tenant_id', columns)}, words)"
    values = {
        "name": name,
        "table": table,
        "declared": declared,
        "passed": "".join(f", {parameter}" for _, parameter, _ in parameters),
        "mine": mine,
        "found": f"{mine} and ({' or '.join([f'_tenant = {owner}', *visible])})" if visible else mine,
        "read": ", ".join(read),
        "indexed": indexed,
        "scope": _scope("_tenant", [parameter for _, parameter, _ in parameters]),
        "current": f"{member} or _tenant is not distinct from {visited}" if visible else member,
        "near": member if visible else "true",
        "source": source,
        "weights": weights,
        "newest": NEWEST,
        "score": SCORE.format(),
    }
    op.execute(f"create index ix_{table}_words on {table} using gin ({indexed})")
    ddl.search_role_reads(table, read)
    types = "".join(f", {kind}" for _, _, kind in parameters)
    for template, signature, app, worker in (
        (MATCHING, f"{name}_matching{_matching(types)}", False, False),
        (RANKED, f"{name}(uuid{types}, text, integer)", True, False),
        (UNUSED, f"{name}_unused(uuid{types}, text[])", False, True),
    ):
        op.get_bind().exec_driver_sql(template.format(**values))
        ddl.callable_by(signature, app=app, worker=worker)
        ddl.give(signature, ddl.search_role())


def _visible(table: str) -> tuple[list[str], list[str]]:
    """Return the conditions by which visitors see rows of `table`, and the columns that these name."""
    names = [ddl.public_policy_name(table), ddl.own_policy_name(table)]
    rows = op.get_bind().exec_driver_sql(_VISIBLE, (table, names)).all()
    return [condition for condition, _ in rows], [column for _, columns in rows for column in columns]


def _scope(tenant: str, others: Sequence[str]) -> str:
    """Return SQL for what every word of the index begins with, so that a search reads no entry of other tenants. Rows of a tenant with the same
    digits are left out by the condition on the tenant."""
    return f"right({tenant}::text, 8)" + "".join(f" || 'g' || {other}::text" for other in others)


def _matching(types: str) -> str:
    return f"(uuid{types}, text, text, boolean, text[], tsquery, boolean, boolean, integer)"


def drop_ranked_search(name: str, table: str, types: str = "") -> None:
    """Drop what `ranked_search` created. `types` are those of the parameters, each after a comma."""
    op.execute(f"drop function {name}(uuid{types}, text, integer)")
    op.execute(f"drop function {name}_matching{_matching(types)}")
    op.execute(f"drop function {name}_unused(uuid{types}, text[])")
    op.execute(f"drop index ix_{table}_words")
