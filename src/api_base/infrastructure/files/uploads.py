"""Uploads, shared objects and usage, written directly in the open unit of work: they are no aggregates and not audited."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from api_base.core.errors import Transient
from api_base.core.protocols import Part
from api_base.core.types import request_tenant
from api_base.domain.files.errors import QuotaExceeded
from api_base.domain.files.upload import Upload
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned
from api_base.infrastructure.db.unit_of_work import open_unit
from api_base.infrastructure.files.tables import UPLOAD_PARTS, UPLOADS

_COLUMNS: Final = [column.name for column in UPLOADS.columns]
_NAMES: Final = ", ".join(f'"{name}"' for name in _COLUMNS)
_PARAMETERS: Final = ", ".join(f"${number}" for number in range(1, len(_COLUMNS) + 1))
_INSERT: Final = f"insert into file_uploads ({_NAMES}) values ({_PARAMETERS})"
_UPDATE: Final = (
    f"update file_uploads set ({_NAMES}) = row({_PARAMETERS}) where tenant_id = $1 and id = $2 and revision = ${len(_COLUMNS)} - 1"
)
_INSERT_PARTS: Final = """
insert into file_upload_parts (tenant_id, upload_id, number, etag, size)
select $1, $2, number, etag, size from unnest($3::int[], $4::text[], $5::bigint[]) as new (number, etag, size)
"""
_SHARE: Final = """
insert into file_objects (tenant_id, sha256, object_key, size, files) values ($1, $2, $3, $4, 1)
on conflict (tenant_id, sha256) do update set files = file_objects.files + 1 returning object_key
"""
_RELEASE: Final = "update file_objects set files = files - 1 where tenant_id = $1 and object_key = $2 returning files"
_FORGET: Final = "delete from file_objects where tenant_id = $1 and object_key = $2"
_RESERVE: Final = """
insert into file_usage (tenant_id, bytes, files)
select $1, greatest($2::bigint, 0), greatest($3::bigint, 0) where $2 <= $4::bigint and $3 <= $5::bigint
on conflict (tenant_id) do update set bytes = file_usage.bytes + $2, files = file_usage.files + $3
where ($2 <= 0 or file_usage.bytes + $2 <= $4) and ($3 <= 0 or file_usage.files + $3 <= $5)
"""


async def _send(sql: str, *values: Any) -> list[Row]:
    """Send a statement for the tenant, which is its first parameter, in the open unit of work."""
    tenant = request_tenant()

    async def send(connection: Connection) -> list[Row]:
        await connection.execute("select set_config('app.tenant_id', $1, true)", str(tenant))
        rows: list[Row] = await connection.fetch(sql, tenant, *values)
        return rows

    return await open_unit().run(send)


class SqlUploads:
    """Implements `Uploads`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._by_id = Statement(sa.select(UPLOADS).where(owned(UPLOADS), UPLOADS.c.id == sa.bindparam("id", type_=sa.Uuid)))
        parts = sa.select(UPLOAD_PARTS).where(owned(UPLOAD_PARTS), UPLOAD_PARTS.c.upload_id == sa.bindparam("id", type_=sa.Uuid))
        self._parts = Statement(parts.order_by(UPLOAD_PARTS.c.number))

    async def get(self, id: UUID) -> Upload | None:
        row = await self._database.fetchrow(self._by_id, request_tenant(), id=id)
        return None if row is None else Upload(**{name: row[name] for name in _COLUMNS})

    async def parts(self, id: UUID) -> Sequence[Part]:
        rows = await self._database.fetch(self._parts, request_tenant(), id=id)
        return [Part(number=row["number"], etag=row["etag"], size=row["size"]) for row in rows]

    async def add(self, upload: Upload) -> None:
        await _send(_INSERT, *_values(upload)[1:])

    async def save(self, upload: Upload) -> None:
        written = await _send(f"{_UPDATE} returning revision", *_values(replace(upload, revision=upload.revision + 1))[1:])
        if not written:
            raise Transient("Another request has just changed the upload.")
        if upload.parts:
            columns = zip(*((part.number, part.etag, part.size) for part in upload.parts), strict=True)
            await _send(_INSERT_PARTS, upload.id, *map(list, columns))

    async def remove(self, id: UUID) -> None:
        await _send("delete from file_uploads where tenant_id = $1 and id = $2", id)


def _values(upload: Upload) -> list[Any]:
    return [getattr(upload, name) for name in _COLUMNS]


class SqlStoredObjects:
    """Implements `StoredObjects`. The lock of the row lets no file share an object that another one is about to release."""

    async def share(self, key: str, sha256: str, size: int) -> str:
        rows = await _send(_SHARE, sha256, key, size)
        shared: str = rows[0]["object_key"]
        return shared

    async def release(self, key: str) -> bool:
        rows = await _send(_RELEASE, key)
        if rows and rows[0]["files"] > 0:
            return False
        await _send(_FORGET, key)
        return True


class SqlUsage:
    """Implements `Usage`: one row per tenant, whose lock orders those who reserve. `bytes` and `files` are the quota of each tenant."""

    def __init__(self, bytes: int, files: int) -> None:
        self._bytes, self._files = bytes, files

    async def reserve(self, bytes: int, files: int) -> None:
        if bytes or files:
            rows = await _send(f"{_RESERVE} returning bytes", bytes, files, self._bytes, self._files)
            if not rows:
                raise QuotaExceeded(self._bytes, self._files)
