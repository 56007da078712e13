"""The client of one server of Elasticsearch or OpenSearch, over the client that each project maintains.

Both clients send what this module gives them and return the answer. Their retries and their way to choose among nodes are switched off: a policy is
around each call, and a load balancer in front of a cluster.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from api_base.core.errors import Unavailable
from api_base.infrastructure.elasticsearch.address import SearchAddress
from api_base.infrastructure.elasticsearch.query import PointInTime
from api_base.infrastructure.resilience.patterns import Policy
from api_base.infrastructure.serialization.json_codec import encode

CONNECTIONS: Final = 20
"""Connections of one process."""
PROBE_TIMEOUT: Final = 5.0
"""Seconds that `check` waits for an answer."""
JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"
OVERLOADED: Final = frozenset({408, 429, 502, 503, 504})
MESSAGE: Final = "Search cannot be used."


class RequestRefused(Exception):
    """The server refuses a request. `status` is that of HTTP, `kind` the type of the error."""

    def __init__(self, status: int, kind: str, reason: str) -> None:
        super().__init__(f"{status} {kind}: {reason}")
        self.status, self.kind = status, kind


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any


class Engine(Protocol):
    """The library of one engine, and the one API in which the engines differ: points in time."""

    name: str
    point_in_time_id: str
    """The member of the answer that holds the id of a point in time."""

    async def request(self, method: str, path: str, params: Mapping[str, str], content: bytes | None, kind: str, timeout: float) -> Answer:
        """Return the answer, whatever its status. Raises `OSError` if there is none."""

    def opening(self, index: str) -> str:
        """Return the path that opens a point in time."""

    def closing(self, id: str) -> tuple[str, Mapping[str, Any]]:
        """Return path and body that close a point in time."""

    async def close(self) -> None:
        """Close the connections."""


class SearchClient:
    """Calls the server at `address`: searches through `reads`, everything else through `writes`, which takes longer."""

    def __init__(self, address: SearchAddress, reads: Policy, writes: Policy, timeout: float, write_timeout: float) -> None:
        self.address = address
        self._reads, self._writes, self._timeout, self._write_timeout = reads, writes, timeout, write_timeout
        self._made: Engine | None = None

    async def search(self, path: str, body: Mapping[str, Any], **params: str) -> Any:
        """Return the answer of a search. Raises `Unavailable`, and `RequestRefused`."""
        content = encode(body)
        return await self._reads.execute(lambda: self._send("POST", path, params, content, JSON, self._timeout))

    async def look(self, path: str, **params: str) -> Any:
        """Return the answer of a request that the server answers from memory. Raises `Unavailable`, and `RequestRefused`."""
        return await self._reads.execute(lambda: self._send("GET", path, params, None, JSON, self._timeout))

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **params: str) -> Any:
        """Return the answer of any other request. Raises `Unavailable`, and `RequestRefused`."""
        content = None if body is None else encode(body)
        return await self._writes.execute(lambda: self._send(method, path, params, content, JSON, self._write_timeout))

    async def bulk(self, content: bytes, **params: str) -> Any:
        """Return the answer of a bulk request, newline-delimited JSON. Raises `Unavailable`, and `RequestRefused`."""
        return await self._writes.execute(lambda: self._send("POST", "/_bulk", params, content, LINES, self._write_timeout))

    async def point_in_time(self, index: str, keep_alive: str) -> PointInTime:
        """Return what the index holds now. Close it."""
        engine = self._engine()
        answer = await self.call("POST", engine.opening(index), keep_alive=keep_alive)
        return PointInTime(id=answer[engine.point_in_time_id], keep_alive=keep_alive)

    async def close_point_in_time(self, at: PointInTime) -> None:
        path, body = self._engine().closing(at.id)
        await self.call("DELETE", path, body)

    async def check(self) -> str:
        """Connect, and return the name of the server. Raises `Unavailable`."""
        engine = self._new()
        try:
            found = await self._send("GET", "/", {}, None, JSON, PROBE_TIMEOUT, engine)
        except RequestRefused as error:
            raise Unavailable(MESSAGE, reason=f"{self.address.origin}: {error}") from error
        finally:
            await engine.close()
        return f"{engine.name} {found['version']['number']} at {self.address.origin}"

    async def close(self) -> None:
        if self._made is not None:
            await self._made.close()
            self._made = None

    def _engine(self) -> Engine:
        if self._made is None:
            self._made = self._new()
        return self._made

    def _new(self) -> Engine:
        return OpenSearchEngine(self.address) if self.address.engine == "opensearch" else ElasticsearchEngine(self.address)

    async def _send(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        content: bytes | None,
        kind: str,
        timeout: float,
        engine: Engine | None = None,
    ) -> Any:
        try:
            answer = await (engine or self._engine()).request(method, path, params, content, kind, timeout)
        except OSError as error:
            raise Unavailable(MESSAGE, reason=f"{self.address.origin}: {error}") from error
        if answer.status < 300:
            return answer.body
        raise self._error(answer)

    def _error(self, answer: Answer) -> Exception:
        kind, reason = cause_of(answer.body)
        if answer.status == 401:
            return Unavailable(MESSAGE, reason=f"{self.address.origin} refuses user or password of SEARCH__URL")
        if answer.status in OVERLOADED or answer.status >= 500 or kind in ("cluster_block_exception", "security_exception"):
            return Unavailable(MESSAGE, reason=f"{self.address.origin}: {kind}: {reason}")
        return RequestRefused(answer.status, kind, reason)


def cause_of(body: Any) -> tuple[str, str]:
    """Return the type and the reason of the error in an answer."""
    error = body.get("error") if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return "error", str(error)[:500]
    root = (error.get("root_cause") or [error])[0]  # the error itself says only that shards failed
    return str(error.get("type")), str(root.get("reason"))[:500]


def _security(address: SearchAddress, credentials: str) -> dict[str, Any]:
    """Return the arguments of a library for TLS and user; `credentials` is the name of the latter."""
    security: dict[str, Any] = {"ssl_context": ssl.create_default_context(cafile=address.ca)} if address.tls else {}
    if address.user is not None and address.password is not None:
        security[credentials] = (address.user, address.password)
    return security


class ElasticsearchEngine(Engine):
    name = "Elasticsearch"
    point_in_time_id = "id"

    def __init__(self, address: SearchAddress) -> None:
        from elasticsearch import AsyncElasticsearch

        self._client = AsyncElasticsearch(
            address.origin, connections_per_node=CONNECTIONS, max_retries=0, retry_on_timeout=False, **_security(address, "basic_auth")
        )

    async def request(self, method: str, path: str, params: Mapping[str, str], content: bytes | None, kind: str, timeout: float) -> Answer:
        from elasticsearch import ApiError, TransportError

        headers = {"accept": JSON} | ({} if content is None else {"content-type": kind})
        try:
            answer = await self._client.options(request_timeout=timeout).perform_request(
                method, path, params=params, headers=headers, body=content
            )
        except ApiError as error:
            return Answer(error.status_code, error.body)
        except TransportError as error:
            raise OSError(str(error)) from error
        return Answer(answer.meta.status, answer.body)

    def opening(self, index: str) -> str:
        return f"/{index}/_pit"

    def closing(self, id: str) -> tuple[str, Mapping[str, Any]]:
        return "/_pit", {"id": id}

    async def close(self) -> None:
        await self._client.close()


class OpenSearchEngine(Engine):
    name = "OpenSearch"
    point_in_time_id = "pit_id"

    def __init__(self, address: SearchAddress) -> None:
        from opensearchpy import AsyncOpenSearch

        self._client = AsyncOpenSearch(
            address.origin,
            maxsize=CONNECTIONS,
            max_retries=0,
            retry_on_timeout=False,
            retry_on_status=(),
            **_security(address, "http_auth"),
        )

    async def request(self, method: str, path: str, params: Mapping[str, str], content: bytes | None, kind: str, timeout: float) -> Answer:
        from opensearchpy import exceptions

        headers = {"accept": JSON} | ({} if content is None else {"content-type": kind})
        try:
            body = await self._client.transport.perform_request(method, path, params=params, body=content, timeout=timeout, headers=headers)
        except exceptions.ConnectionError as error:
            raise OSError(str(error.error)) from error
        except exceptions.TransportError as error:
            return Answer(int(error.status_code), error.info)
        return Answer(200, body)

    def opening(self, index: str) -> str:
        return f"/{index}/_search/point_in_time"

    def closing(self, id: str) -> tuple[str, Mapping[str, Any]]:
        return "/_search/point_in_time", {"pit_id": [id]}

    async def close(self) -> None:
        await self._client.close()
