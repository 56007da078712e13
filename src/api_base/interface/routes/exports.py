"""The whole of a list, as CSV or JSON Lines, for a client that accepts these rather than JSON.

The rows are read page by page behind a cursor, each page in a transaction of its own: memory stays flat, and no transaction stays open. A row that
exists throughout, and whose sorted fields do not change, is exported once.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.types import Scope

from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.application.exports.begin_export import EXPORT, BeginExport
from api_base.core.errors import Invalid, Unavailable, Violation
from api_base.core.protocols import PermissionChecker
from api_base.core.types import current_context
from api_base.interface.errors.problem import pointer
from api_base.interface.middleware.http_exchange import http_exchange_of
from api_base.interface.routes.export_formats import CSV, FORMATS, JSONL, Encoder, Rows
from api_base.interface.routes.negotiation import JSON, chosen
from api_base.interface.routes.parameters import query_pairs
from api_base.interface.routes.renaming import Wire
from api_base.interface.routes.rendering import StreamAnswer, sparse_fields

PAGE: Final = 500
"""Rows that are read at a time."""
MAX_CONCURRENT: Final = 8
"""Exports at the same time in one process."""
RENEWED_SECONDS: Final = 1.0
"""Time after which the rights of the caller are looked up again."""
OFFERED: Final = (JSON, CSV, JSONL)
"""The media types of a list that can be exported."""
SCOPE: Final = "/scope"
"""The slot of the scope of the request among the arguments of a list."""

type Endpoint = Callable[..., Awaitable[Any]]


class Exports:
    """Exports of one process."""

    def __init__(self, bus: Bus, checker: PermissionChecker) -> None:
        self._bus, self._checker = bus, checker
        self._running = 0

    async def pages(
        self, scope: Scope, begin: BeginExport, read: Callable[[str | None], Awaitable[Page[Any]]], encode: Encoder
    ) -> AsyncIterator[bytes]:
        """Yield the encoded rows of each page. `read` returns the page behind a cursor. Raises `Unavailable` where too many exports run."""
        if self._running >= MAX_CONCURRENT:
            raise Unavailable(f"{MAX_CONCURRENT} exports are running already. Try again when one has ended.", retry_after=10)
        self._running += 1
        try:
            await self._bus.execute(begin)
            page, renewed = await read(None), time.monotonic()
            yield encode(page.items)
            while page.next_cursor is not None:
                if time.monotonic() - renewed > RENEWED_SECONDS:
                    await self._renew(scope)
                    renewed = time.monotonic()
                page = await read(page.next_cursor)
                yield encode(page.items)
        finally:
            self._running -= 1

    async def _renew(self, scope: Scope) -> None:
        """Go on as what the caller is now. Raises `Unauthenticated` and `Forbidden` for who no longer may."""
        exchange = http_exchange_of(scope)
        assert exchange.presented is not None  # an anonymous caller begins no export
        caller = await exchange.presented.caller(scope)
        exchange.context = exchange.context.acting(caller.principal, caller.access_token)
        current_context.set(exchange.context)
        self._checker.check(caller.principal, EXPORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportableList:
    """The function of a list, which answers with a page, or with the whole list to a client that prefers that.

    `path` is that of the list, `shown` are the fields of `dto` by their names for clients.
    """

    endpoint: Endpoint
    exports: Exports
    path: str
    dto: Any
    shown: Mapping[str, str]
    wire: Wire | None = None

    async def __call__(self, **arguments: Any) -> Any:
        """Return a page, or a stream of all. Raises `Invalid` for an export of a part: with `limit` or `cursor`."""
        scope: Scope = arguments.pop(SCOPE)
        accept = http_exchange_of(scope).accept
        media_type = JSON if accept is None else chosen(accept, OFFERED)
        return await self.endpoint(**arguments) if media_type == JSON else self._whole(scope, media_type, arguments)

    def _whole(self, scope: Scope, media_type: str, arguments: dict[str, Any]) -> StreamAnswer:
        sent = [name for name, _ in query_pairs(scope["query_string"])]
        wire = self.wire or str
        partial = [name for name in sent if name in ("limit", "cursor", wire("include_total"))]
        if partial:
            raise Invalid(
                [Violation(pointer("query", name), "whole", "is not for an export, which has all rows: leave it out") for name in partial]
            )
        fields = sparse_fields(scope["query_string"], self.shown) or tuple(self.shown)
        name, request = next((name, value) for name, value in arguments.items() if isinstance(value, ListRequest))

        async def read(cursor: str | None) -> Page[Any]:
            page: Page[Any] = await self.endpoint(**{**arguments, name: replace(request, limit=PAGE, cursor=cursor)})
            return page

        content_type, ending, encoder = FORMATS[media_type]
        rows = Rows(dto=self.dto, names=[(one, self.shown[one]) for one in fields], wire=self.wire)
        begin = BeginExport(list=self.path, format=ending, parameters=tuple(sorted(set(sent))))
        file = f"{self.path.rpartition('/')[2]}.{ending}".encode()
        return StreamAnswer(
            status=200,
            headers=[(b"content-type", content_type), (b"content-disposition", b'attachment; filename="%b"' % file)],
            content=self.exports.pages(scope, begin, read, encoder(rows)),
            compressed=True,
        )
