"""The calls of MCP clients in the audit trail. Calls that arrive together are stored together: one commit for all of them."""

import asyncio
from contextvars import Context
from typing import Final
from uuid import UUID

from api_base.core.errors import Unavailable
from api_base.core.protocols import Clock, IdGenerator, McpCallLog
from api_base.core.types import NO_TENANT, RequestContext
from api_base.infrastructure.audit.models import AuditRecord
from api_base.infrastructure.audit.store import audit_record
from api_base.infrastructure.audit.tables import AUDIT
from api_base.infrastructure.db import write_statements as sql
from api_base.infrastructure.db.changes import Kind
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.serialization.json_codec import encode_strictly

MAX_BATCH_ROWS: Final = 200
MAX_WAITING: Final = 2000
TIMEOUT_SECONDS: Final = 5.0
_INSERT: Final = sql.single(Kind.INSERT, AUDIT, ())
"""It sets the tenant itself: one batch holds the calls of several."""


class SqlMcpCallLog(McpCallLog):
    """While one batch is being stored, the calls that arrive wait for the next one."""

    def __init__(self, pool: ConnectionPool, ids: IdGenerator, clock: Clock) -> None:
        self._pool, self._ids, self._clock = pool, ids, clock
        self._waiting: list[tuple[AuditRecord[str], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def called(self, context: RequestContext, what: str, target: UUID | None, client: str, revision: str) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable("Too many calls wait to be recorded. Try again later.")
        after = encode_strictly({"client": client, "revision": revision}).decode()
        owner = context.tenant_id or NO_TENANT
        record = audit_record(context, self._ids.new(), self._clock.now(), owner, "mcp.called", what, target, (None, after))
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((record, stored))
        if self._writer is None:
            self._writer = asyncio.get_running_loop().create_task(self._write(), context=Context())  # not part of the first caller's trace
        await stored

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH_ROWS], self._waiting[MAX_BATCH_ROWS:]
                await self._store([record for record, _ in batch], [stored for _, stored in batch])
        finally:
            self._writer = None

    async def _store(self, records: list[AuditRecord[str]], waiting: list[asyncio.Future[None]]) -> None:
        failure: Exception | None = None
        try:
            rows = [(str(record.tenant_id), *record) for record in records]
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await self._pool.run(lambda connection: connection.executemany(_INSERT, rows))
        except Exception as error:
            failure = error
        for one in waiting:
            if not one.done():
                if failure is None:
                    one.set_result(None)
                else:
                    one.set_exception(
                        Unavailable("The call cannot be recorded in the audit trail, so it is not executed. Try again later.")
                    )
