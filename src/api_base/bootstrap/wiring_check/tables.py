"""Tables and mappings: a table declares its owner in one context, and a mapping writes and reads exactly its columns."""

from collections.abc import Container, Iterator, Sequence
from typing import Never

from api_base.bootstrap.context import Context
from api_base.core.errors import Fault
from api_base.core.shared import signatures
from api_base.infrastructure.db.mapping_code import attributes_read, columns_read, values_written
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.schema import DeclaredTable, declared_at, needs_quotes, owner_column


def faults(contexts: Sequence[Context], repositories: Sequence[object]) -> Iterator[Fault]:
    """Yield the faults of tables, then those of the mappings of repositories."""
    tables: dict[str, DeclaredTable] = {}
    declared = set[int]()
    for context in contexts:
        for table in context.tables:
            if "ownership" not in table.info:
                yield Fault(
                    context.declared_at,
                    f"The table {table.name!r} does not declare who owns its rows: use tenant_owned, user_owned or system_owned.",
                )
                continue
            yield from _owner(table)
            if table.name in tables:
                yield Fault(declared_at(table), f"Two tables have the name {table.name!r}. Rename one, or declare it in one context only.")
            tables.setdefault(table.name, table)
            declared.add(id(table))
        yield from without_migrations(context)
    checked = dict[int, bool]()
    for repository in repositories:
        if isinstance(repository, SqlRepository) and checked.setdefault(id(repository.mapping), True):
            checked[id(repository.mapping)] = False
            yield from _mapping(repository.mapping, declared, whole=type(repository).statement is SqlRepository.statement)


def _owner(table: DeclaredTable) -> Iterator[Fault]:
    owner = owner_column(table)
    if owner is not None and owner not in table.columns:
        yield Fault(declared_at(table), f"The table {table.name!r} has no column {owner!r}, which names the owner of a row. Add it.")


def without_migrations(context: Context) -> Iterator[Fault]:
    """Yield the fault of tables without a folder of revisions."""
    if not context.tables:
        return
    if context.migrations is None:
        sentence = f"The context {context.name!r} has the table {context.tables[0].name!r}, but no migrations. Set migrations=Path(…)."
        yield Fault(context.declared_at, sentence)
    elif not context.migrations.is_dir():
        yield Fault(
            context.declared_at,
            f"The folder {context.migrations} of the migrations of {context.name!r} does not exist. "
            f"Run `api-base migrate new {context.name} MESSAGE`, or correct the path.",
        )


def _mapping(mapping: TableMapping[Never], declared: Container[int], *, whole: bool) -> Iterator[Fault]:
    """`whole`: the repository reads the columns of its table, and no other ones."""
    table, place = mapping.table, mapping.declared_at
    columns = [column.name for column in table.columns]
    if id(table) not in declared:
        yield Fault(place, f"A repository uses the table {table.name!r}, which is in the tables of no Context. Add it there.")
    for name in [name for name in (table.name, *columns) if needs_quotes(name)]:
        yield Fault(
            place,
            f"The name {name!r} in the table {table.name!r} is a word of SQL or not in lower case, and statements do not quote it. "
            "Rename it, and the attribute that it stores.",
        )
    if mapping.faults:
        yield from (Fault(place, sentence) for sentence in mapping.faults)
        return
    if missing := [name for name in ("id", "version") if name not in columns]:
        yield Fault(place, f"The table {table.name!r} stores an aggregate and has no column {missing[0]!r}. Add it.")
    written = values_written(mapping.to_row)
    if written is not None and written != len(columns):
        yield Fault(
            place,
            f"to_row returns {written} values, but the table {table.name!r} has {len(columns)} columns: {', '.join(columns)}. Return one for each.",
        )
    read = columns_read(mapping.from_row) if whole else ()
    if unknown := [name for name in read if name not in columns]:
        yield Fault(place, f"from_row reads {', '.join(unknown)}, but the table {table.name!r} has the columns {', '.join(columns)}.")
    made = getattr(mapping.from_row, "__wrapped__", None)
    if isinstance(made, type):
        set_by_init = (signatures.names_in(vars(one).get("__init__")) for one in made.__mro__)
        known = {*getattr(made, "__dataclass_fields__", ()), *dir(made)}.union(*set_by_init)
        for path in attributes_read(mapping.to_row):
            if path.partition(".")[0] not in known:
                yield Fault(
                    place,
                    f"to_row reads the attribute {path!r}, which {made.__name__} lacks. Name the right one for its column in row_of.",
                )
