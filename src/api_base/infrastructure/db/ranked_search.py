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

MATCHING: Final = """
create function {name}_matching(tenant uuid{declared}, parts text[], every boolean, candidates integer) returns tid[] language plpgsql stable as $$
declare
    asked tsquery := array_to_string(parts, case when every then ' & ' else ' | ' end)::tsquery;
    newest tsvector[] := array(select words from public.{table} where {mine} order by id desc limit {newest});
    rare tsquery := asked;
    found tid[];
begin
    if 2 * (select count(*) from unnest(newest) n where n @@ asked) >= {newest} then
        found := array(select n.ctid from (select ctid, words from public.{table} where {mine} order by id desc limit 4 * candidates) n
            where n.words @@ asked limit candidates);
        if cardinality(found) = candidates then
            return found;
        end if;
    end if;
    if every and cardinality(parts) > 1 then
        rare := coalesce((select string_agg(part, ' & ') from unnest(parts) part
            where 2 * (select count(*) from unnest(newest) n where n @@ part::tsquery) < {newest})::tsquery, asked);
    end if;
    return array(select n.ctid from (select ctid, words from public.{table} where {mine} and words @@ rare offset 0) n
        where n.words @@ asked limit candidates);
end $$
"""
"""Up to so many rows that have every one of `parts`, or some. OFFSET 0 keeps the words that are not rare out of the index's condition."""

RANKED: Final = """
create function {name}(tenant uuid{declared}, q text, candidates integer)
returns table (id uuid, score bigint, terms tsquery, cut boolean, near boolean)
language plpgsql stable security definer rows 1000 set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
declare
    folded text := search_fold(left(q, 1000));
    parts text[];
    every tsquery;
    other tsquery;
    titles tid[] := '{{}}';
    found tid[] := '{{}}';
    alike tid[] := '{{}}';
begin
    if folded = '' or tenant is distinct from {current} then
        return;
    end if;
    every := array_to_string(search_terms(tenant, {source}, q, false, false, true), ' & ')::tsquery;
    parts := search_terms(tenant, {source}, q, true, false, true);
    if position('"' in q) = 0 then
        titles := array(select ctid from public.{table}
            where {mine} and title_key >= folded and title_key < folded || chr(1114111) order by title_key limit candidates);
    end if;
    if cardinality(titles) < candidates then
        found := {name}_matching(tenant{passed}, parts, true, candidates);
    end if;
    if cardinality(titles) = 0 and not exists (select from (select words from public.{table} where ctid = any (found) offset 0) f where words @@ every) then
        parts := search_terms(tenant, {source}, q, true, true, true);
        alike := {name}_matching(tenant{passed}, parts, true, candidates);
        if cardinality(alike) + cardinality(found) = 0 then
            parts := search_terms(tenant, {source}, q, true, true, false);
            alike := {name}_matching(tenant{passed}, parts, false, candidates);
        end if;
    end if;
    other := array_to_string(parts, ' | ')::tsquery;
    return query select id,
        (1000000 * (case when title_key = folded then 50 when starts_with(title_key, folded) then 40 when words @@ every then 30 else 10 end
            + case when ts_filter(words, '{{a}}') @@ other then 6 * similarity(title_key, folded) else 0 end + 3 * ts_rank({weights}, words, every, 32)))::bigint,
        other,
        greatest(cardinality(titles), cardinality(found), cardinality(alike)) >= candidates,
        cardinality(alike) > 0
        from public.{table} where ctid = any (titles || found || alike);
end $$
"""
"""An exact title comes first, then titles that begin with the text, then rows with all words, then rows with similar words; among these, the more
similar title and the greater weight of the words. `terms` are the words to highlight, `cut` says that there may be more rows, `near` that the
words are only similar."""


UNUSED: Final = """
create function {name}_unused(tenant uuid{declared}, listed text[]) returns text[] language sql stable security definer
set search_path = pg_catalog, public, pg_temp set enable_seqscan = off set enable_indexscan = off as $$
    select array(select word from unnest(listed) word where not exists (
        select from public.{table} where {mine} and words @@ ('''' || word || '''')::tsquery offset 0))
$$
"""
"""Those of `listed`, words of the tenant, that no row has. Only the index of words is read: PostgreSQL takes any word for a frequent one."""


def ranked_search(
    name: str,
    table: str,
    *,
    source: str,
    weights: str,
    parameters: Sequence[tuple[str, str]] = (),
    where: str = "true",
    also_reads: Sequence[str] = (),
) -> None:
    """Create `name(tenant uuid, <parameters>, q text, candidates integer)`, which finds and ranks rows of the current tenant, and
    `name_unused(tenant uuid, <parameters>, listed text[])`, which the role `worker` may call.

    The table has the columns `id`, `title_key` (the folded title, with an index on the tenant, the parameters and it) and `words` (with a GIN index
    on the tenant, the parameters and it). `parameters` (name, type) restrict the rows through the condition `where`, over the columns `also_reads`.
    `source` and `weights` are SQL: the source of the tenant's words, and the weights of D, C, B, A.
    """
    declared = "".join(f", {parameter} {kind}" for parameter, kind in parameters)
    values = {
        "name": name,
        "table": table,
        "declared": declared,
        "passed": "".join(f", {parameter}" for parameter, _ in parameters),
        "mine": f"tenant_id = tenant and {where}",
        "current": ddl.current_owner(Ownership.TENANT),
        "source": source,
        "weights": weights,
        "newest": NEWEST,
    }
    ddl.search_role_reads(table, ("ctid", "tenant_id", "id", "title_key", "words", *also_reads))
    types = "".join(f", {kind}" for _, kind in parameters)
    for template, signature, app, worker in (
        (MATCHING, f"{name}_matching(uuid{types}, text[], boolean, integer)", False, False),
        (RANKED, f"{name}(uuid{types}, text, integer)", True, False),
        (UNUSED, f"{name}_unused(uuid{types}, text[])", False, True),
    ):
        op.get_bind().exec_driver_sql(template.format(**values))
        ddl.callable_by(signature, app=app, worker=worker)
        ddl.give(signature, ddl.search_role())


def drop_ranked_search(name: str, types: str = "") -> None:
    """Drop what `ranked_search` created. `types` are those of the parameters, each before a comma."""
    op.execute(f"drop function {name}(uuid, {types}text, integer)")
    op.execute(f"drop function {name}_matching(uuid, {types}text[], boolean, integer)")
    op.execute(f"drop function {name}_unused(uuid, {types}text[])")
