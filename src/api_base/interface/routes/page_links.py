"""The links from a page of a list that is paged by offset to other pages [RFC 8288].

They are relative to the URL of the request, so that they are right behind a proxy with another host, scheme and prefix.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from starlette.types import Scope

from api_base.application.common.listing import MAX_ROWS, OffsetPage
from api_base.interface.routes.parameters import REPEATED, query_pairs

MAX_QUERY: Final = 1000
"""Bytes of a query string that links repeat. Proxies refuse responses with header sections of over 4 to 8 KiB."""


def page_links(scope: Scope, page: OffsetPage[Any]) -> list[tuple[bytes, bytes]]:
    """Return the header Link, with `first`, `prev`, `next` and `last` where these pages exist; no header for a query of over `MAX_QUERY` bytes."""
    kept = [pair for pair in query_pairs(scope["query_string"]) if pair[0] not in ("offset", "limit")]
    kept += scope.get(REPEATED, ())
    if len(urlencode(kept)) > MAX_QUERY:
        return []
    links = []
    for relation, offset in _offsets(page):
        window = [("offset", str(offset)), ("limit", str(min(page.limit, MAX_ROWS - offset)))]
        links.append(f'<?{urlencode([*kept, *window])}>; rel="{relation}"')
    return [(b"link", ", ".join(links).encode())]


def _offsets(page: OffsetPage[Any]) -> Iterator[tuple[str, int]]:
    last = max(page.total - 1, 0) // page.limit * page.limit
    yield "first", 0
    if page.offset > 0:
        yield "prev", min(max(page.offset - page.limit, 0), last)
    if page.offset + page.limit < page.total:
        yield "next", page.offset + page.limit
    yield "last", last
