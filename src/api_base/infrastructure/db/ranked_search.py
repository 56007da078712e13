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
    case when title_key = folded then 50 when title_key >= folded and title_key < after then 40 when has_whole then 30 else 10 end
    + case when ts_filter(words, '{{a}}') @@ any_of then case when near then 6 * similarity(title_key, folded)
        else 6 * size / (size + octet_length(title_key)) end else 0 end
    + 3 * ts_rank(weights, words, whole, 32)))::bigint"""
"""An exact title comes first, then titles that begin with the text, then rows with all words, then rows with similar words; among these, the shorter
title that has one of the words, and the greater weight of the words. If the words are only similar, the more similar title: to compare trigrams of a title costs
as much as everything else together."""

MATCHING: Final = """
create function {name}_matching(tenant uuid{declared}, folded text, after text, titles boolean, parts text[], whole tsquery, every boolean, near boolean,
    candidates integer, out ids uuid[], out scores bigint[], out complete boolean) language plpgsql stable as $$
declare
    weights real[] := {weights};
    size float8 := octet_length(folded);
    asked text := array_to_string(parts, case when every then ' & ' else ' | ' end);
    wanted tsquery := asked::tsquery;
    any_of tsquery := array_to_string(parts, ' | ')::tsquery;
    newest tsvector[] := array(select words from public.{table} where {mine} order by id desc limit {newest});
begin
    if 2 * (select count(*) from unnest(newest) n where n @@ wanted) >= {newest} then
        select array_agg(id), array_agg({score}), bool_or(has_whole) into ids, scores, complete from (
            select id, title_key, words, words @@ whole has_whole
            from (select id, title_key, words from public.{table} where {mine} order by id desc limit 4 * candidates) n
            where words @@ wanted and (titles and title_key >= folded and title_key < after) is not true limit candidates) n;
        if cardinality(ids) = candidates then
            return;
        end if;
    end if;
    if every and cardinality(parts) > 1 then
        asked := coalesce((select string_agg(part, ' & ') from unnest(parts) part
            where 2 * (select count(*) from unnest(newest) n where n @@ part::tsquery) < {newest}), asked);
    end if;
    select array_agg(id), array_agg({score}), bool_or(has_whole) into ids, scores, complete from (
        select id, title_key, words, words @@ whole has_whole
        from (select {read} from public.{table} where {indexed} @@ search_scoped_query({scope}, asked) offset 0) n
        where {mine} and words @@ wanted and (titles and title_key >= folded and title_key < after) is not true limit candidates) n;
end $$
"""
"""Up to so many rows that have every one of `parts`, or some, with their scores, and whether a row has the `whole` text. Each row is read once.
With `titles`, rows whose titles begin with the text are left out.

OFFSET 0 keeps the words that are not rare, and the tenant, out of the condition of the index: PostgreSQL would read another index of the tenant, too.
"""

RANKED: Final = """
create function {name}(tenant uuid{declared}, q text, candidates integer)
returns table (id uuid, score bigint, terms tsquery, cut boolean, near boolean)
language plpgsql stable security definer rows 1000 set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    folded text := search_fold(left(q, 1000));
    after text := folded || chr(1114111);
    weights real[] := {weights};
    size float8 := octet_length(folded);
    parts text[];
    whole tsquery;
    any_of tsquery;
    near boolean := false;
    title_ids uuid[];
    title_scores bigint[];
    ids uuid[];
    scores bigint[];
    complete boolean;
begin
    if folded = '' or tenant is distinct from {current} then
        return;
    end if;
    whole := array_to_string(search_terms(tenant, {source}, q, false, false, true), ' & ')::tsquery;
    parts := search_terms(tenant, {source}, q, true, false, true);
    any_of := array_to_string(parts, ' | ')::tsquery;
    if position('"' in q) = 0 then
        select array_agg(id), array_agg({score}) into title_ids, title_scores from (
            select id, title_key, words, words @@ whole has_whole from public.{table}
            where {mine} and title_key >= folded and title_key < after order by title_key limit candidates) titles;
    end if;
    if title_ids is null or cardinality(title_ids) < candidates then
        select m.ids, m.scores, m.complete into ids, scores, complete
            from {name}_matching(tenant{passed}, folded, after, title_ids is not null, parts, whole, true, false, candidates) m;
    end if;
    if title_ids is null and complete is not true then
        near := true;
        parts := search_terms(tenant, {source}, q, true, true, true);
        select m.ids, m.scores, m.complete into ids, scores, complete
            from {name}_matching(tenant{passed}, folded, after, false, parts, whole, true, true, candidates) m;
        if ids is null then
            parts := search_terms(tenant, {source}, q, true, true, false);
            select m.ids, m.scores, m.complete into ids, scores, complete
                from {name}_matching(tenant{passed}, folded, after, false, parts, whole, false, true, candidates) m;
        end if;
        any_of := array_to_string(parts, ' | ')::tsquery;
    end if;
    return query select unnest(title_ids || ids), unnest(title_scores || scores), any_of,
        greatest(cardinality(title_ids), cardinality(ids)) >= candidates, near;
end $$
"""
"""`terms` are the words to highlight, `cut` says that there may be more rows, `near` that the words are only similar."""


UNUSED: Final = """
create function {name}_unused(tenant uuid{declared}, listed text[]) returns text[] language sql stable security definer
set search_path = pg_catalog, public, pg_temp set enable_seqscan = off set enable_indexscan = off as $$
    select array(select word from unnest(listed) word where not exists (
        select from (select {read} from public.{table} where {indexed} @@ search_scoped_query({scope}, '(' || quote_literal(word) || ')') offset 0) n
        where {mine}))
$$
"""
"""Those of `listed`, words of the tenant, that no row has. Only the index of words is read: PostgreSQL takes any word for a frequent one."""


def ranked_search(name: str, table: str, *, source: str, weights: str, parameters: Sequence[tuple[str, str, str]] = ()) -> None:
    """Index the words of `table`, and create `name(tenant uuid, <parameters>, q text, candidates integer)`, which finds and ranks rows of the current
    tenant, and `name_unused(tenant uuid, <parameters>, listed text[])`, which the role `worker` may call.

    The table has the columns `id`, `title_key` (the folded title, with an index on the tenant, the columns of the parameters and it) and `words`.
    `parameters` (column, name, type) are values that the columns of a row must have. `source` and `weights` are SQL: the source of the tenant's words, and
    the weights of D, C, B, A.
    """
    declared = "".join(f", {parameter} {kind}" for _, parameter, kind in parameters)
    columns = [column for column, _, _ in parameters]
    read = ("tenant_id", "id", "title_key", "words", *columns)
    indexed = f"search_scoped({_scope('tenant_id', columns)}, words)"
    values = {
        "name": name,
        "table": table,
        "declared": declared,
        "passed": "".join(f", {parameter}" for _, parameter, _ in parameters),
        "mine": " and ".join(["tenant_id = tenant", *(f"{column} = {parameter}" for column, parameter, _ in parameters)]),
        "read": ", ".join(read),
        "indexed": indexed,
        "scope": _scope("tenant", [parameter for _, parameter, _ in parameters]),
        "current": ddl.current_owner(Ownership.TENANT),
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
