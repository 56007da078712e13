"""The context `search`: `/search`, and what keeps the indexes of all contexts up to date."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.application.common.search import SearchIndexer, SearchOpening
from api_base.application.search.search import Search, SearchHandler
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.opening import OpenedInOrder
from api_base.core.protocols import PeriodicTask
from api_base.domain.common.events import AnySubscription
from api_base.infrastructure import search
from api_base.infrastructure.search.tables import SEARCH_DOCUMENTS, SEARCH_GENERATIONS
from api_base.infrastructure.text_search import pruner
from api_base.interface.v1 import search as v1


def _handlers(ports: Ports) -> Sequence[Registration]:
    return [on(Search, SearchHandler(ports.search, ports.search_indexes, ports.checker))]


def _subscribers(ports: Ports) -> Sequence[AnySubscription]:
    return list(SearchIndexer(ports.search, ports.search_indexes).subscriptions())


def _lifespan(ports: Ports) -> OpenedInOrder:
    return OpenedInOrder(SearchOpening(ports.search, ports.search_indexes))


def _background(ports: Ports) -> Sequence[PeriodicTask]:
    async def forget() -> bool:
        await ports.search.forget()
        return False

    words = pruner.WordPruner(ports.worker_database.pool, str.isdigit, "search_in_documents_unused($1, $3::text::integer, $2)")
    return [
        PeriodicTask(name="forget search tombstones", interval=3600.0, run=forget),
        PeriodicTask(name="prune words of search indexes", interval=pruner.INTERVAL, run=words.run),
    ]


SEARCH: Final = Context(
    name="search",
    tables=(SEARCH_GENERATIONS, SEARCH_DOCUMENTS),
    migrations=Path(search.__path__[0]) / "migrations",
    handlers=_handlers,
    subscribers=_subscribers,
    background=_background,
    lifespan=_lifespan,
    routes=v1.routes,
    graphql="api_base.interface.graphql.search:SEARCH",
)
