"""`SearchIndex` on a table of PostgreSQL: writes, generations, comparison. Searches are in `searching.py`."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from api_base.application.common.search import SearchIndexes
from api_base.core.errors import Conflict
from api_base.core.protocols import (
    TOMBSTONES,
    FieldKind,
    Generation,
    IndexedDocument,
    IndexState,
    Probe,
    SearchDefinition,
    SearchDocument,
    SearchField,
    SearchIndex,
    SearchRequest,
    SearchResults,
)
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import owner_source
from api_base.infrastructure.search.searching import Searching
from api_base.infrastructure.serialization.json_codec import encode_strictly

KEY: Final = 4_177_218_340_263_972
"""The advisory lock of generations: writers share it, so that `begin` can wait for those that do not know the new generation."""
SCAN: Final = 1000
PART: Final = 10_000
"""Rows that one statement deletes: a statement has a time limit."""
TEXT_CHARACTERS: Final = 30_000
"""Of each weight, whose words are stored, counted after the fold as well, which may make six letters of one. A tsvector has at most 1 MB."""
WRITE_CHARACTERS: Final = 500_000
"""That one statement writes: it needs some seconds for them, and has a time limit."""
TITLE_CHARACTERS: Final = 500
"""Of a title that are compared with the search text. An entry of an index has at most 2,700 bytes."""


def _folded(text: str) -> str:
    return f"left(search_fold(left(u.{text}, {TEXT_CHARACTERS})), {TEXT_CHARACTERS})"


_WRITE: Final = f"""
with written as (
    insert into search_documents as d (tenant_id, generation, id, version, digest, title, title_key, document, words)
    select i.* from {owner_source(Ownership.TENANT)} cross join lateral (
        select t.id, g.id, u.id, u.version, u.digest, u.title, left({_folded("title")}, {TITLE_CHARACTERS}), u.document::jsonb,
            setweight(search_stems({_folded("title")}, g.languages), 'A') || setweight(search_stems({_folded("b")}, g.languages), 'B')
            || setweight(to_tsvector('pg_catalog.simple', {_folded("c")}), 'C') || setweight(to_tsvector('pg_catalog.simple', {_folded("d")}), 'D')
        from unnest($4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
            u (id, version, digest, title, b, c, d, document)
        cross join search_generations g where g.index_name = $2 and g.state = any ($3::text[]) offset 0) i
    on conflict (tenant_id, generation, id) do update set version = excluded.version, digest = excluded.digest, title = excluded.title,
        title_key = excluded.title_key, document = excluded.document, words = excluded.words,
        written_at = now() where d.version < excluded.version or ($12 and d.version = excluded.version)
    returning tenant_id, generation, words)
select note_search_words(tenant_id, generation::text, words) from written where words is not null
"""
_ENSURE: Final = """
insert into search_generations (index_name, state, digest, languages, weights) values ($1, 'live', $2, $3, $4)
on conflict (index_name, state) do nothing
"""
_BEGIN: Final = "insert into search_generations (index_name, state, digest, languages, weights) values ($1, 'building', $2, $3, $4)"
_REMOVE: Final = (
    "delete from search_documents where ctid = any (array("
    "select ctid from search_documents where generation <> all (select id from search_generations) limit $1))",
    "delete from search_words where ctid = any (array("
    "select ctid from search_words where source ~ '^[0-9]+$' and source <> all (select id::text from search_generations) limit $1))",
)
"""A part of what is left of generations that no longer exist."""
_KNOWN: Final = f"select pg_advisory_lock({KEY}), pg_advisory_unlock({KEY})"
"""Wait for the writes that do not know the generations as they are now."""
_SCAN: Final = f"""
select tenant_id, id, version, digest from search_documents
where generation = (select id from search_generations where index_name = $1 and state = $2)
    and tenant_id >= $3 and (tenant_id > $3 or id > $4) order by tenant_id, id limit {SCAN}
"""
_FORGET: Final = (
    "delete from search_documents where ctid = any (array("
    "select ctid from search_documents where digest = '' and written_at < now() - $2::interval limit $1))"
)
_FIRST: Final = UUID(int=0)


class PostgresqlSearchIndex(SearchIndex, Probe):
    """Writes and searches as the role `app`, for the tenant of each document or request; generations are changed as the role `worker`."""

    def __init__(self, database: Database, worker_pool: ConnectionPool, indexes: SearchIndexes, candidates: int) -> None:
        self._database, self._worker, self._indexes = database, worker_pool, indexes
        self._searching = Searching(database, indexes, candidates)

    def problems(self, definition: SearchDefinition) -> Sequence[str]:
        """Return nothing: PostgreSQL expresses every definition."""
        del definition
        return ()

    async def open(self) -> None:
        """Create the generations of indexes that have none."""
        rows = [_row(definition) for definition in self._indexes.definitions.values()]
        await self._database.run(lambda connection: connection.executemany(_ENSURE, rows))

    async def close(self) -> None:
        """Do nothing: the pools are opened and closed by the process."""

    async def search(self, request: SearchRequest, tenant: UUID) -> SearchResults:
        """Return a page of the tenant's documents. Raises `Invalid` for a cursor that this adapter did not make."""
        return await self._searching.search(request, tenant)

    async def write(self, documents: Sequence[SearchDocument]) -> None:
        """Index and delete in every generation. Searches find the documents when this returns."""
        await self._write(documents, [one.value for one in Generation])

    async def fill(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the generation that is being built only."""
        await self._write(documents, [Generation.BUILDING.value])

    async def repair(self, documents: Sequence[SearchDocument]) -> None:
        """Write to the live generation, over the same version as well."""
        await self._write(documents, [Generation.LIVE.value], again=True)

    async def _write(self, documents: Sequence[SearchDocument], states: Sequence[str], *, again: bool = False) -> None:
        """Write to the generations in `states`; `again` also over the same version."""

        def place(document: SearchDocument) -> tuple[str, UUID]:
            return document.index, document.tenant_id

        for (index, tenant), group in groupby(sorted(documents, key=place), key=place):
            newest: dict[UUID, SearchDocument] = {}
            for document in group:
                if document.id not in newest or newest[document.id].version < document.version:
                    newest[document.id] = document
            definition = self._indexes.definition(index)
            for rows in _parts(_document_row(definition, newest[id]) for id in sorted(newest)):
                columns = [list(column) for column in zip(*rows, strict=True)]
                await self._database.run(partial(_send, arguments=(str(tenant), index, states, *columns, again)))

    async def states(self) -> Sequence[IndexState]:
        """Return the generations of every declared index."""
        rows = await self._database.run(
            lambda connection: connection.fetch("select index_name, state, digest from search_generations order by index_name")
        )
        found: dict[str, dict[Generation, str]] = {name: {} for name in self._indexes.definitions}
        for row in rows:
            if row["index_name"] in found:
                found[row["index_name"]][Generation(row["state"])] = row["digest"]
        return [IndexState(index=name, digests=digests) for name, digests in found.items()]

    async def begin(self, index: str) -> None:
        """Begin a generation; return when every write knows it."""
        row = _row(self._indexes.definition(index))

        async def replace(connection: Connection) -> None:
            await connection.execute("delete from search_generations where index_name = $1 and state = 'building'", index)
            await connection.execute(_BEGIN, *row)

        await self._change(replace, waiting=True)

    async def swap(self, index: str) -> None:
        """Make the generation that is being built live. Raises `Conflict` if none is."""

        async def swap(connection: Connection) -> None:
            await connection.execute("delete from search_generations where index_name = $1 and state = 'previous'", index)
            await connection.execute("update search_generations set state = 'previous' where index_name = $1 and state = 'live'", index)
            done = await connection.execute(
                "update search_generations set state = 'live' where index_name = $1 and state = 'building'", index
            )
            if done == "UPDATE 0":
                raise Conflict(f"No generation of the index {index} is being built.")

        await self._change(swap)

    async def revert(self, index: str) -> None:
        """Exchange the previous generation and the live one. Raises `Conflict` without a previous one."""

        async def exchange(connection: Connection) -> None:
            states = "update search_generations set state = $3 where index_name = $1 and state = $2"
            await connection.execute(states, index, "live", "reverted")
            if await connection.execute(states, index, "previous", "live") == "UPDATE 0":
                raise Conflict(f"The index {index} has no previous generation.")
            await connection.execute(states, index, "reverted", "previous")

        await self._change(exchange)

    async def _change(self, change: Any, *, waiting: bool = False) -> None:
        """Change generations, and remove what is left of others. Without `waiting`, a write that is on its way may leave rows for the next change."""

        async def run(connection: Connection) -> None:
            async with connection.transaction():
                await change(connection)
            if waiting:
                await connection.execute(_KNOWN)
            for statement in _REMOVE:
                await _delete(connection, statement)

        await self._worker.run(run)

    async def scan(self, index: str, generation: Generation) -> AsyncIterator[Sequence[IndexedDocument]]:
        """Yield batches of all documents and tombstones of all tenants, in the order of the bytes of tenant and id."""
        tenant, id = _FIRST, _FIRST
        while True:
            rows = await self._worker.run(partial(_fetched, after=(index, generation.value, tenant, id)))
            if not rows:
                return
            yield [IndexedDocument(tenant_id=row[0], id=row[1], version=row[2], digest=row[3]) for row in rows]
            tenant, id = rows[-1]["tenant_id"], rows[-1]["id"]

    async def forget(self) -> int:
        """Remove old tombstones."""
        return await self._worker.run(lambda connection: _delete(connection, _FORGET, TOMBSTONES))

    async def check(self) -> str:
        """Return the name of the engine: the database itself is checked anyway."""
        return "PostgreSQL"


def _parts(rows: Iterable[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    """Yield the rows in order, with about `WRITE_CHARACTERS` together."""
    part: list[tuple[object, ...]] = []
    characters = 0
    for row in rows:
        part.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if characters >= WRITE_CHARACTERS:
            yield part
            part, characters = [], 0
    if part:
        yield part


async def _send(connection: Connection, arguments: Sequence[Any]) -> None:
    """Lock first: the statement after the lock sees every generation that was begun before it."""
    async with connection.transaction():
        await connection.execute(f"select pg_advisory_xact_lock_shared({KEY})")
        await connection.fetch(_WRITE, *arguments)


async def _fetched(connection: Connection, after: Sequence[object]) -> Sequence[Row]:
    """Return the documents behind a place."""
    rows: Sequence[Row] = await connection.fetch(_SCAN, *after)
    return rows


async def _delete(connection: Connection, statement: str, *arguments: object) -> int:
    """Delete in parts, and return the number of rows."""
    deleted = 0
    while part := int((await connection.execute(statement, PART, *arguments)).removeprefix("DELETE ")):
        deleted += part
    return deleted


def weight_of(field: SearchField, definition: SearchDefinition) -> str:
    """Return the weight of PostgreSQL that the words of a field have: texts are stemmed in A and B, keywords stand in C and D."""
    if field.name == definition.title:
        return "A"
    if field.kind is FieldKind.TEXT:
        return "B"
    return "C" if field.weight > 1 else "D"


def _row(definition: SearchDefinition) -> tuple[object, ...]:
    greatest = dict.fromkeys("DCBA", 0)
    for field in definition.fields:
        if field.has_words:
            weight = weight_of(field, definition)
            greatest[weight] = max(greatest[weight], field.weight)
    most = max(greatest.values())
    return definition.name, definition.digest, [one.value for one in definition.languages], [value / most for value in greatest.values()]


def _document_row(definition: SearchDefinition, document: SearchDocument) -> tuple[object, ...]:
    values = document.values
    if values is None:
        return document.id, document.version, "", None, None, None, None, None
    texts: dict[str, list[str]] = {"B": [], "C": [], "D": []}
    for field in definition.fields:
        value = values.get(field.name)
        if field.has_words and field.name != definition.title and value is not None:
            texts[weight_of(field, definition)] += (
                [value] if isinstance(value, str) else map(str, value if isinstance(value, tuple) else [value])
            )
    title = values.get(definition.title)
    shown = title if isinstance(title, str) else ""
    joined = (" ".join(parts) for parts in texts.values())
    return document.id, document.version, document.digest, shown, *joined, encode_strictly(_plain(values)).decode()


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
    }
