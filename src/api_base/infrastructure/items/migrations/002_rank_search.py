"""Rank the search of items: store their folded names and their words, with an index on each, and the words of each tenant.

PostgreSQL rewrites the table, which blocks it for a few seconds per 100,000 items.
"""

from alembic import op

from api_base.infrastructure.db import ddl
from api_base.infrastructure.db.ranked_search import drop_ranked_search, ranked_search

revision = "items_002"
down_revision = "items_001"
branch_labels = None
depends_on = ("text_search_001",)

LANGUAGES = "'{en,pt}'"
INDEXED_CHARACTERS = 4000
"""Of a description: its words cost 5 µs each at every write."""

JOINED = (
    "create function item_tag_text(tags text[]) returns text language sql immutable strict parallel safe return array_to_string(tags, ' ')"
)
"""`array_to_string` is not immutable for every type of element."""

WORDS = f"""
setweight(search_stems(search_fold(name), {LANGUAGES}), 'A')
|| setweight(search_stems(search_fold(left(description, {INDEXED_CHARACTERS})), {LANGUAGES}), 'B')
|| setweight(to_tsvector('pg_catalog.simple', search_fold(sku || ' ' || category || ' ' || item_tag_text(tags))), 'C')
|| setweight(to_tsvector('pg_catalog.simple', search_fold(search_strings(attributes))), 'D')
"""

TENANTS = """
create function item_tenants(after uuid, most integer) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    with recursive found as (
        (select tenant_id, 1 n from items where tenant_id > after order by tenant_id limit 1)
        union all
        select (select i.tenant_id from items i where i.tenant_id > f.tenant_id order by i.tenant_id limit 1), n + 1
        from found f where f.tenant_id is not null and n < most)
    select tenant_id from found where tenant_id is not null order by 1 $$
"""
"""The tenants that have items, for the role `worker`, which sees no item: the search index is compared with the items of all tenants."""

NOTE = """
create function note_item_words() returns trigger language plpgsql as $$
begin
    perform note_search_words(new.tenant_id, 'items', new.words);
    return null;
end $$
"""

SEARCHED = """lower((sku || ' ' || name || ' ' || category || ' ' || description) collate "default")"""
PATTERN = r"""'%' || replace(regexp_replace(lower(query collate "default"), '([\\%_])', '\\\1', 'g'), ' ', '%') || '%'"""
"""What `items_001` searched, and how."""


def upgrade() -> None:
    op.execute("drop function search_items(uuid, text)")
    op.execute("drop policy items_search on items")
    op.execute("drop index ix_items_search")
    op.execute(JOINED)
    op.execute(
        'alter table items add column title_key text collate "C" generated always as (search_fold(name)) stored, '
        f"add column words tsvector generated always as ({WORDS}) stored"
    )
    op.execute("create index ix_items_tenant_id_title_key on items (tenant_id, title_key)")
    ranked_search("search_items", "items", source="'items'", weights="'{0.2, 0.3, 0.2, 1}'")
    op.execute(TENANTS)
    ddl.callable_by("item_tenants(uuid, integer)", worker=True)
    ddl.give("item_tenants(uuid, integer)", ddl.search_role())
    op.execute("select note_search_words(tenant_id, 'items', words) from items")
    op.execute(NOTE)
    op.execute("create trigger items_words_added after insert on items for each row execute function note_item_words()")
    op.execute(
        "create trigger items_words_changed after update on items for each row "
        "when (old.words is distinct from new.words) execute function note_item_words()"
    )


def downgrade() -> None:
    op.execute("drop trigger items_words_changed on items")
    op.execute("drop trigger items_words_added on items")
    op.execute("drop function note_item_words")
    op.execute("drop function item_tenants")
    drop_ranked_search("search_items", "items")
    op.execute("drop policy items_search on items")
    op.execute("delete from search_words where source = 'items'")
    op.execute("alter table items drop column words, drop column title_key")
    op.execute("drop function item_tag_text")
    op.execute(f"create index ix_items_search on items using gin (tenant_id, ({SEARCHED}) gin_trgm_ops)")
    ddl.search_function("search_items", "items", condition=f"{SEARCHED} like {PATTERN}", columns=("sku", "name", "category", "description"))
