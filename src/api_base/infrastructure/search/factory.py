"""The adapters of `SEARCH__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter

if TYPE_CHECKING:
    from api_base.core.protocols import SearchIndex
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _database(ports: "AdapterPorts") -> "SearchIndex":
    from api_base.infrastructure.search.postgresql_index import PostgresqlSearchIndex

    return PostgresqlSearchIndex(ports.database, ports.worker_pool, ports.search_indexes, ports.settings.search.candidates)


DATABASE: Final = Adapter(build=_database, url="database://", summary="A table of PostgreSQL, with the words of each document.")
