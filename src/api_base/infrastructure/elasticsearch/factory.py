"""The adapters of `SEARCH__URL` on Elasticsearch and OpenSearch."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.infrastructure.elasticsearch.address import FORM, address_at

if TYPE_CHECKING:
    from api_base.core.protocols import SearchIndex
    from api_base.infrastructure.adapter_ports import AdapterPorts

WRITE_TIMEOUT: Final = 10.0
"""Seconds that a write may take, or a step of a reindex. Nobody waits for it but the worker and operators."""


def _build(ports: "AdapterPorts") -> "SearchIndex":
    from api_base.infrastructure.elasticsearch.client import SearchClient
    from api_base.infrastructure.elasticsearch.repository import ElasticsearchSearchIndex

    search = ports.settings.search
    address = address_at(search.url.get_secret_value())
    reads = ports.dispensable(address.engine, search.timeout_seconds)
    writes = ports.dispensable(f"{address.engine}-writes", WRITE_TIMEOUT)
    client = SearchClient(address, reads, writes, search.timeout_seconds, WRITE_TIMEOUT)
    return ElasticsearchSearchIndex(client, ports.search_indexes, ports.clock, prefix=search.prefix, candidates=search.candidates)


def _validate(url: str) -> None:
    address_at(url)


def _schemes(engine: str, name: str) -> "Mapping[str, Adapter[AdapterPorts, SearchIndex]]":
    def adapter(s: str, summary: str) -> "Adapter[AdapterPorts, SearchIndex]":
        return Adapter(build=_build, url=FORM.format(engine=engine, s=s), summary=summary, validate=_validate, extra=engine)

    return {
        f"{engine}+http": adapter("", f"{name}: one index for each search index."),
        f"{engine}+https": adapter("s", "The same over TLS."),
    }


SERVERS: Final = {**_schemes("elasticsearch", "Elasticsearch"), **_schemes("opensearch", "OpenSearch")}
