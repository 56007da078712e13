"""The declaration of a search index by a context, and all declarations together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from api_base.core.errors import Fault, ProgrammingError, WiringError
from api_base.core.protocols import SearchDefinition, SearchDocument
from api_base.core.shared.places import Declaration


class SearchSource(Protocol):
    """Reads the documents of one index from PostgreSQL. A row that is deleted, but still exists, is a document without values."""

    async def load(self, tenant: UUID, ids: Sequence[UUID]) -> Sequence[SearchDocument]:
        """Return the documents of those of `ids` that have a row of the tenant, each with the version of its row."""

    async def tenants(self, after: UUID | None, limit: int) -> Sequence[UUID]:
        """Return the first tenants after `after`, in order, that have rows. Reads as the role `worker`."""

    async def page(self, tenant: UUID, after: UUID | None, limit: int) -> Sequence[SearchDocument]:
        """Return the tenant's first documents after the id `after`, in the order of their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredIndex[P](Declaration):
    """An index that `/search` reads. `events` are the names of the events after which the document of their aggregate may differ. Each has the field `tenant_id`.

    `source` makes what reads the documents, from the ports of the process.
    """

    definition: SearchDefinition
    events: tuple[str, ...]
    source: Callable[[P], SearchSource]


class SearchIndexes:
    """All declared indexes, by name, and the sources of their documents."""

    def __init__(self) -> None:
        self._definitions: dict[str, SearchDefinition] = {}
        self._declared: dict[str, DeclaredIndex[Any]] = {}
        self.sources: dict[str, SearchSource] = {}
        """The source of each index."""

    def add[P](self, declared: Iterable[DeclaredIndex[P]], ports: P) -> None:
        """Add indexes. Raises `ProgrammingError` for two with the same name."""
        for index in declared:
            name = index.definition.name
            if name in self._definitions:
                raise ProgrammingError(f"Two search indexes have the name {name!r}. Rename one of them.")
            self._definitions[name], self._declared[name], self.sources[name] = index.definition, index, index.source(ports)

    @property
    def definitions(self) -> Mapping[str, SearchDefinition]:
        """Return the definitions by name."""
        return self._definitions

    def definition(self, name: str) -> SearchDefinition:
        """Return the definition of an index. Raises `ProgrammingError` for one that is not declared."""
        found = self._definitions.get(name)
        if found is None:
            raise ProgrammingError(f"No search index has the name {name!r}. Declared: {', '.join(sorted(self._definitions)) or 'none'}.")
        return found

    def events(self) -> Iterator[tuple[str, str]]:
        """Yield the pairs of an index and an event that changes its documents."""
        for name, index in self._declared.items():
            yield from ((name, event) for event in index.events)

    def check(
        self, events: Mapping[str, Iterable[str]], permissions: Iterable[str], engine: Callable[[SearchDefinition], Sequence[str]]
    ) -> None:
        """Raise `WiringError` with everything that authors of contexts forgot.

        `events` holds the fields of each declared event, `engine` returns what the selected engine cannot express.
        """
        known = frozenset(permissions)
        faults = [
            Fault(index.declared_at, f"The search index {name!r} {problem}.")
            for name, index in self._declared.items()
            for problem in self._problems(name, events, known, engine)
        ]
        if faults:
            raise WiringError(faults)

    def _problems(
        self,
        name: str,
        events: Mapping[str, Iterable[str]],
        permissions: frozenset[str],
        engine: Callable[[SearchDefinition], Sequence[str]],
    ) -> Iterator[str]:
        definition, index = self._definitions[name], self._declared[name]
        yield from definition.problems()
        yield from engine(definition)
        if definition.permission not in permissions:
            yield f"needs the permission {definition.permission!r}, which no context declares"
        if not index.events:
            yield "names no event: its documents would never change"
        for event in index.events:
            if event not in events:
                yield f"names the event {event!r}, which no context declares"
            elif "tenant_id" not in events[event]:
                yield f"names the event {event!r}, which has no field tenant_id"
