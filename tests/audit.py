"""The audit trail under test: records as the application writes them, sealers, and what verification finds."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from api_base.infrastructure.audit.chain import HeadSigner, HeadVerifier, SignedHead
from api_base.infrastructure.audit.sealer import Sealer
from api_base.infrastructure.audit.trail import trail
from api_base.infrastructure.audit.verification import Finding, Verification
from api_base.infrastructure.auth.keys import SigningKey
from api_base.infrastructure.db.connecting import PoolOptions
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.locks.leadership import DatabaseLeadership
from api_base.infrastructure.system import SystemClock
from tests.factories.keys import signing_key

ONE, TWO = UUID(int=1), UUID(int=2)

_INSERT: Final = """
insert into audit (tenant_id, at, id, actor_id, request_id, trace_id, address, action, entity, entity_id, before, after)
values ($1, $2, $3, $4, 'request', 'trace', '203.0.113.7', 'item.updated', 'item', $5, '{"name": "Chair"}', '{"name": "Stool"}')
"""


async def add(connection: Any, tenant: UUID, at: datetime | None = None) -> UUID:
    """A record, in the transaction of `connection` if one is open; its id."""
    id = uuid4()
    await connection.execute("select set_config('app.tenant_id', $1, false)", str(tenant))
    await connection.execute(_INSERT, tenant, at or datetime.now(UTC), id, uuid4(), uuid4())
    return id


@dataclass
class Audited:
    """`admin` is a superuser's connection, to whom nothing is forbidden; `app` the application's."""

    urls: Urls
    worker: Database
    admin: Any
    app: Any
    key: SigningKey = field(default_factory=signing_key)

    @property
    def signer(self) -> HeadSigner:
        return HeadSigner(self.key)

    @property
    def verifier(self) -> HeadVerifier:
        return HeadVerifier({self.key.kid: self.key.public})

    def sealer(self, batch: int = 10) -> Sealer:
        return Sealer(self.worker.pool, SystemClock(), DatabaseLeadership(), batch=batch)

    async def seal(self, batch: int = 10) -> None:
        sealer = self.sealer(batch)
        while await sealer.run():
            pass

    async def fill(self, count: int, *, seal_each: int = 10) -> list[UUID]:
        """Records of two tenants in turn, sealed batch by batch; their ids."""
        ids = []
        for number in range(count):
            ids.append(await add(self.app, (ONE, TWO)[number % 2]))
            if len(ids) % seal_each == 0:
                await self.seal()
        await self.seal()
        return ids

    async def sealed(self) -> list[UUID]:
        """The ids in the seals, in order, over all chains."""
        rows = await self.admin.fetch(
            "select id from audit_seals s, unnest(s.ids) with ordinality u(id, n) join audit a using (id) order by a.transaction_id, a.sequence"
        )
        return [row["id"] for row in rows]

    async def recorded(self) -> list[UUID]:
        return [row["id"] for row in await self.admin.fetch("select id from audit order by transaction_id, sequence")]

    async def heads(self) -> Sequence[SignedHead]:
        """As they would be exported now."""
        async with trail(self.worker.pool, None) as opened:
            return await opened.heads(SystemClock(), self.signer)

    async def findings(self, heads: Iterable[SignedHead] = (), tenant: UUID | None = None) -> list[Finding]:
        async with trail(self.worker.pool, tenant) as opened:
            verification = Verification(self.verifier, await opened.checkpoints(), heads)
            found = [finding async for batch in opened.batches() for finding in verification.check(batch)]
            return [*found, *verification.finish()]


@asynccontextmanager
async def audited(urls: Urls, admin: str) -> AsyncIterator[Audited]:
    worker = Database(urls.worker, PoolOptions(size=4, acquire_timeout=10, statement_timeout=20))
    connections = await asyncio.gather(asyncpg.connect(admin), asyncpg.connect(urls.app))
    await worker.open()
    try:
        yield Audited(urls, worker, *connections)
    finally:
        await worker.close()
        for connection in connections:
            await connection.close()
