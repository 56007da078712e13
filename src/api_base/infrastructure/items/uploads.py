"""Uploads and their journals in a table. They go with the open unit of work at once: they are no aggregates, and nothing of them is audited."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa

from api_base.application.items.importing import Form
from api_base.application.items.importing.uploads import MAX_REFUSED_ROWS, Counts, RefusedRow, Upload
from api_base.core.protocols import Clock
from api_base.core.types import request_tenant
from api_base.infrastructure.db.pool import Connection
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.statement import Statement, owned, owner_source
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.items.tables import ITEM_IMPORTS
from api_base.infrastructure.serialization.json_codec import decode_as, encode_strictly

DAYS_KEPT: Final = 7
"""From its arrival on: an import that has not been done by then is not done any more."""

_INSERT: Final = f"""
insert into item_imports (tenant_id, id, form, maps, constants, content, created_at)
select t.id, $2::uuid, $3, $4::text[], $5::text[], $6::bytea, $7::timestamptz from {owner_source(Ownership.TENANT)}
"""
_NOTE: Final = f"""
update item_imports set done = $3, created = created + $4, updated = updated + $5, unchanged = unchanged + $6, refused = refused + $7,
    refused_rows = jsonb_path_query_array(refused_rows || $8::jsonb, '$[0 to {MAX_REFUSED_ROWS - 1}]'), content = case when not $9 then content end
where tenant_id = $1 and id = $2
"""


class SqlUploads:
    """Implements `Uploads`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._by_id = Statement(sa.select(ITEM_IMPORTS).where(owned(ITEM_IMPORTS), ITEM_IMPORTS.c.id == sa.bindparam("id", type_=sa.Uuid)))

    async def add(self, upload: Upload) -> None:
        values = (str(request_tenant()), upload.id, upload.form, list(upload.maps), list(upload.constants), upload.content)
        now = self._clock.now()
        await open_unit().run(lambda connection: connection.execute(_INSERT, *values, now))

    async def get(self, id: UUID) -> Upload | None:
        row = await self._database.fetchrow(self._by_id, request_tenant(), id=id)
        if row is None:
            return None
        return Upload(
            id=row["id"],
            form=Form(row["form"]),
            maps=row["maps"],
            constants=row["constants"],
            content=row["content"],
            done=row["done"],
            counts=Counts(created=row["created"], updated=row["updated"], unchanged=row["unchanged"], refused=row["refused"]),
            refused_rows=decode_as(row["refused_rows"], list[RefusedRow]),
        )

    async def note(self, id: UUID, done: int, counts: Counts, refused_rows: Sequence[RefusedRow], *, complete: bool) -> None:
        tenant, told = request_tenant(), encode_strictly(refused_rows[:MAX_REFUSED_ROWS]).decode()
        counted = (counts.created, counts.updated, counts.unchanged, counts.refused)

        async def send(connection: Connection) -> None:
            await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
            await connection.execute(_NOTE, tenant, id, done, *counted, told, complete)

        await open_unit().run(send)
