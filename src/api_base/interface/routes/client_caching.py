"""HTTP caching of a cacheable query's result [RFC 9111; Cache-Status: RFC 9211].

A client may keep the answer and has to ask whether it is current, unless the query declares `max_age`. Shared caches keep nothing: the answer
is `private`, and in case one ignores that, it varies with what names the caller.
"""

from hashlib import blake2b
from math import ceil
from typing import Any, Final

from api_base.application.common.cqrs import Cacheable, Query
from api_base.core.errors import ProgrammingError
from api_base.core.types import cache_remaining
from api_base.interface.routes.compression import VARY
from api_base.interface.routes.etags import representation

type Header = tuple[bytes, bytes]
_MISS: Final[Header] = (b"cache-status", b"api-base; fwd=miss")


class ClientCaching:
    """The headers of a route that returns the result of `query`. Raises `ProgrammingError` for a query that is not cacheable."""

    def __init__(self, query: type[Query[Any]]) -> None:
        if query.cacheable is Cacheable.NEVER:
            raise ProgrammingError(f"A route declares the query {query.__name__}, which is not cacheable. Leave it out of the options.")
        self._staleness = query.staleness
        freshness = b"max-age=%d" % query.max_age if query.max_age else b"no-cache"
        self.headers: list[Header] = [(b"cache-control", b"private, " + freshness), (b"vary", b"authorization, cookie"), VARY]

    def begin(self) -> None:
        """Called before the query is executed."""
        cache_remaining.set(None)

    def outcome(self) -> list[Header]:
        """Return whether the result came from our cache, and how old it is at most, in whole seconds."""
        remaining = cache_remaining.get()
        if remaining is None:
            return [_MISS]
        age = max(0, ceil(self._staleness - remaining))
        return [(b"age", b"%d" % age), (b"cache-status", b"api-base; hit; ttl=%d" % remaining)]


def content_tag(content: bytes, api_version: int | None) -> str:
    """Return the entity tag of a response that has no version."""
    return f'"{blake2b(content, digest_size=12).hexdigest()}-{representation(api_version)}"'
