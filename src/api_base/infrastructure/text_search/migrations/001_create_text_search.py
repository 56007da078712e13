"""Create the functions of text search: how text is folded, what a search text asks for, which words are one mistake away; and the words of each tenant."""

import sqlalchemy as sa
from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.schema import text
from api_base.infrastructure.text_search.pruner import LOCK, LOCKS

revision = "text_search_001"
down_revision = None
branch_labels = ("text_search",)
depends_on = ("base_001",)

LETTERS = "'{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z}'::text[]"

FOLD = """
create function search_fold(value text) returns text language plpgsql immutable strict parallel safe as $$
begin
    return btrim(regexp_replace(
        lower(public.unaccent('public.unaccent'::regdictionary, normalize(translate(value, '''\u2019', ''), NFKC)) collate "default"),
        '[^[:alnum:]]+', ' ', 'g'));
end $$
"""
"""Words in lower case without accents, with one space between two. The one form in which texts are stored for search, and searched.

In PL/pgSQL, because PostgreSQL starts its executor for an SQL function that it cannot inline.
"""

STEMS = """
create function search_stems(folded text, languages text[]) returns tsvector language sql immutable strict parallel safe
return to_tsvector('pg_catalog.simple', folded)
    || case when 'en' = any (languages) then to_tsvector('pg_catalog.english', 'the ' || folded) else '' end
    || case when 'pt' = any (languages) then to_tsvector('pg_catalog.portuguese', 'de ' || folded) else '' end
"""
"""The words and their stems. A stop word before the stems keeps them apart from the last word: together they are no phrase."""

STRINGS = """
create function search_strings(value jsonb) returns text language sql immutable strict parallel safe
return coalesce((select string_agg(v #>> '{}', ' ') from jsonb_path_query(value, 'lax $.** ? (@.type() == "string")') v), '')
"""

EDITS = f"""
create function search_edits(word text) returns text[] language sql immutable strict parallel safe
return array(
    select left(word, i) || substr(word, i + 2) from generate_series(0, length(word) - 1) i
    union all select left(word, i) || substr(word, i + 2, 1) || substr(word, i + 1, 1) || substr(word, i + 3) from generate_series(0, length(word) - 2) i
    union all select left(word, i) || c || substr(word, i + 2) from generate_series(0, length(word) - 1) i, unnest({LETTERS}) c
    union all select left(word, i) || c || substr(word, i + 1) from generate_series(0, length(word)) i, unnest({LETTERS}) c)
"""
"""Every text that one mistake makes of a word: a letter missing, added or replaced, or two letters exchanged."""

SIMILAR = """
create function search_similar(tenant uuid, scope text, asked text) returns text[] language plpgsql stable strict
set pg_trgm.similarity_threshold = 0.4 set enable_seqscan = off as $$
declare
    edits text[] := case when length(asked) <= 31 then public.search_edits(asked) else '{}' end;
begin
    return array(
        (select word from public.search_words where tenant_id = tenant and source = scope and word = any (edits) limit 40)
        union
        (select word from public.search_words where tenant_id = tenant and source = scope and word % asked
            order by similarity(word, asked) desc, word limit 10));
end $$
"""
"""The tenant's words that `asked` may stand for. A stored word has at most 30 letters, so none is one mistake away from more than 31."""

TERMS = """
create function search_terms(tenant uuid, scope text, q text, stems boolean, near boolean, every boolean) returns text[] language plpgsql stable strict as $$
declare
    phrase text[];
    word text;
    term text;
    words text[];
    terms text[] := '{}';
    n int := 0;
begin
    for phrase in select regexp_matches(q, '"([^"]+)"', 'g') loop
        term := regexp_replace(public.search_fold(left(phrase[1], 500)), '([^ ]{100})[^ ]+', '\\1', 'g');
        if term <> '' then
            terms := terms || ('(''' || replace(term, ' ', ''' <-> ''') || ''')');
        end if;
    end loop;
    words := (string_to_array(nullif(public.search_fold(regexp_replace(q, '"[^"]*"', ' ', 'g')), ''), ' '))[:16];
    foreach word in array coalesce(words, '{}') loop
        n := n + 1;
        word := left(word, 100);
        continue when not every and (to_tsvector('pg_catalog.english', word) = '' or to_tsvector('pg_catalog.portuguese', word) = '');
        term := '''' || word || '''';
        if length(word) > 2 and near or length(word) > 1 and n = cardinality(words) and right(q, 1) ~ '[[:alnum:]]' then
            term := term || ':*';
        end if;
        if stems then
            term := term || coalesce((select string_agg(' | ''' || lexeme || ''':AB', '')
                from unnest(public.search_stems(word, '{en,pt}')) where lexeme <> word), '');
        end if;
        if near and n <= 6 and length(word) > 2 and word !~ '[0-9]' then
            term := term || coalesce((select string_agg(' | ''' || a || '''', '')
                from unnest(public.search_similar(tenant, scope, word)) a where a <> word), '');
        end if;
        terms := terms || ('(' || term || ')');
    end loop;
    return terms;
end $$
"""
"""One text of a tsquery for each word and each phrase in double quotes; the last word may be the beginning of one. `stems` adds the stems of the
words, which match only where stems are stored, in the weights A and B: a stem may be somebody's name. `near` adds similar words.
Without `every` stop words are left out.

A folded word needs no escape. Its letters are counted after the fold, which may make six of one: a word of a tsquery has at most 2,046 bytes.
"""

SCOPED = """
create function search_scoped(scope text, words tsvector) returns tsvector language plpgsql immutable strict parallel safe as $$
begin
    return array_to_tsvector(array(select scope || left(lexeme, 100) from unnest((tsvector_to_array(words))[:30000]) lexeme));
end $$
"""
"""The words for an index, each behind its scope: an entry of the index, and a beginning of words, belong to one tenant. Longer words are cut, as in
a search; more would not fit into a tsvector."""

SCOPED_QUERY = """
create function search_scoped_query(scope text, terms text) returns tsquery language plpgsql immutable strict parallel safe as $$
begin
    return replace(replace(replace(replace(terms, ':AB', ''), '<->', '&'), '(''', '(''' || scope), ' ''', ' ''' || scope)::tsquery;
end $$
"""
"""What finds the rows of `terms`, as `search_terms` writes them, and maybe more, in an index of scoped words: it has neither weights nor places of words."""

NOTE_WORDS = f"""
create function note_search_words(tenant uuid, scope text, lexemes tsvector) returns void language sql set enable_seqscan = off
begin atomic
    select pg_advisory_xact_lock_shared({LOCK}, hashtext(tenant::text) & {LOCKS - 1});
    insert into search_words (tenant_id, source, word)
    select tenant, scope, lexeme from unnest(tsvector_to_array(lexemes)) lexeme
    where lexeme ~ '^[^0-9]{{3,30}}$'
        and (select true from search_words w where w.tenant_id = tenant and w.source = scope and w.word = lexeme limit 1) is null;
end
"""
"""Add the words that the tenant does not have yet. No key: two transactions that add one word must not wait for each other.

The lock keeps words in place until the rows that have them are visible to the pruner, and has few keys: a transaction can write for many tenants.
The limit keeps a subquery for each word, and the setting an index in its plan, which PostgreSQL may have made for an empty table.
"""


def upgrade() -> None:
    op.execute("create extension if not exists unaccent")
    op.create_table(
        "search_words",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("source", text(), nullable=False),
        sa.Column("word", text(), nullable=False),
    )
    op.create_index(
        "ix_search_words_word", "search_words", ["word", "tenant_id", "source"]
    )  # by tenant first, it would be read instead of the next
    op.execute("create index ix_search_words_similar on search_words using gin (tenant_id, source, word gin_trgm_ops)")
    ddl.protect("search_words")
    ddl.worker_policy("search_words")
    ddl.grant("search_words", app=("select", "insert", "delete"), worker=("select", "delete"))
    ddl.search_role_reads("search_words", ("tenant_id", "source", "word"))
    for function in (FOLD, STEMS, STRINGS, EDITS, SIMILAR, TERMS, SCOPED, SCOPED_QUERY, NOTE_WORDS):
        op.get_bind().exec_driver_sql(function)
    op.execute("create text search configuration search_folded (copy = simple)")
    op.execute("alter text search configuration search_folded alter mapping for hword, hword_part, word with unaccent, simple")


def downgrade() -> None:
    op.execute("drop text search configuration search_folded")
    for function in (
        "note_search_words",
        "search_scoped_query",
        "search_scoped",
        "search_terms",
        "search_similar",
        "search_edits",
        "search_strings",
        "search_stems",
        "search_fold",
    ):
        op.execute(f"drop function {function}")
    op.drop_table("search_words")
    op.execute("drop extension unaccent")
