"""Makes the text columns of a table searchable by `q`, for revisions: what `ranked_search` needs of the table, and the words that it adds."""

from typing import Final

from alembic import op

from api_base.infrastructure.db.ddl import callable_by
from api_base.infrastructure.db.query_builder.text_search import search_name
from api_base.infrastructure.db.ranked_search import drop_ranked_search, ranked_search

LANGUAGES: Final = "'{en,pt}'"
INDEXED_CHARACTERS: Final = 4000
"""Of each text: its words cost 5 µs each at every write."""
TITLE_CHARACTERS: Final = 500
"""Of the folded title that its index holds: an entry has at most 2704 bytes, a character up to 4."""


def searchable(table: str, title: str, *texts: str) -> None:
    """Let `q` search the column `title`, which weighs most, and `texts`. Adds two columns that PostgreSQL fills in, which rewrites the table.

    The words are written by the owner of the tables: who may write the row adds its words, also a visitor of public pages, which no policy
    of `search_words` lets in. The revision depends on `text_search_001`.
    """
    op.execute(
        f'alter table {table} add column title_key text collate "C" generated always as ({_title_key(title)}) stored, '
        f"add column words tsvector generated always as ({_words(title, texts)}) stored"
    )
    op.execute(f"create index ix_{table}_tenant_id_title_key on {table} (tenant_id, title_key)")
    ranked_search(search_name(table), table, source=f"'{table}'", weights="'{0.2, 0.3, 0.2, 1}'")
    op.execute(f"select note_search_words(tenant_id, '{table}', words) from {table}")
    op.execute(
        f"create function note_{table}_words() returns trigger language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$\n"
        f"begin\n    perform note_search_words(new.tenant_id, '{table}', new.words);\n    return null;\nend $$"
    )
    callable_by(f"note_{table}_words()")
    op.execute(f"create trigger {table}_words_added after insert on {table} for each row execute function note_{table}_words()")
    op.execute(
        f"create trigger {table}_words_changed after update on {table} for each row "
        f"when (old.words is distinct from new.words) execute function note_{table}_words()"
    )


def not_searchable(table: str) -> None:
    """Undo `searchable`."""
    op.execute(f"drop trigger {table}_words_changed on {table}")
    op.execute(f"drop trigger {table}_words_added on {table}")
    op.execute(f"drop function note_{table}_words")
    drop_ranked_search(search_name(table), table)
    op.execute(f"drop policy {table}_search on {table}")
    op.execute(f"delete from search_words where source = '{table}'")
    op.execute(f"alter table {table} drop column words, drop column title_key")


def _title_key(title: str) -> str:
    return f"left(search_fold(left({title}, {TITLE_CHARACTERS})), {TITLE_CHARACTERS})"


def _words(title: str, texts: tuple[str, ...]) -> str:
    parts = [f"setweight(search_stems(search_fold(left({title}, {INDEXED_CHARACTERS})), {LANGUAGES}), 'A')"]
    parts += [f"setweight(search_stems(search_fold(left(coalesce({text}, ''), {INDEXED_CHARACTERS})), {LANGUAGES}), 'B')" for text in texts]
    return " || ".join(parts)
