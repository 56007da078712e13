"""The rows of files of all tenants, read as the role `worker`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from api_base.core.protocols import ScannerVersion
from api_base.core.types import TenantId
from api_base.infrastructure.db.session import Database

_EXPIRED: Final = """
select tenant_id, id from file_uploads where expires_at < now() and (not complete or expires_at < now() - interval '7 days')
order by expires_at limit $1
"""
_REFUSED: Final = """
select tenant_id, id from files f where state = 'refused' and updated_at < now() - $1::interval
    and not exists (select from file_attachments a where a.tenant_id = f.tenant_id and a.file_id = f.id)
order by updated_at limit $2
"""
_OUTDATED: Final = """
select tenant_id, id from files where state = 'ready' and (engine, signatures) is distinct from ($1, $2) limit $3
"""
_UNKNOWN: Final = """
select key from unnest($1::text[]) as found (key) where
    not exists (select from file_objects where object_key = key) and not exists (select from files where object_key = key)
    and not exists (select from file_uploads where object_key = key) and not exists (select from file_uploads where tail_key = key)
    and not exists (
        select from files where key like 'files/%/thumbnails/%/%' and state <> 'refused'
        and tenant_id = split_part(key, '/', 2)::uuid and id = split_part(key, '/', 4)::uuid)
"""
_UNKNOWN_UPLOADS: Final = """
select upload from unnest($1::text[]) as found (upload) where not exists (select from file_uploads where storage_upload = upload)
"""


class SqlFileInventory:
    """Implements `FileInventory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def expired(self, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        rows = await self._database.run(lambda connection: connection.fetch(_EXPIRED, limit))
        return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]

    async def refused(self, age: timedelta, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        rows = await self._database.run(lambda connection: connection.fetch(_REFUSED, age, limit))
        return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]

    async def outdated(self, version: ScannerVersion, limit: int) -> Sequence[tuple[TenantId, UUID]]:
        rows = await self._database.run(lambda connection: connection.fetch(_OUTDATED, version.engine, version.signatures, limit))
        return [(TenantId(row["tenant_id"]), row["id"]) for row in rows]

    async def unknown(self, keys: Sequence[str]) -> Sequence[str]:
        rows = await self._database.run(lambda connection: connection.fetch(_UNKNOWN, list(keys)))
        return [row["key"] for row in rows]

    async def unknown_uploads(self, uploads: Sequence[str]) -> Sequence[str]:
        rows = await self._database.run(lambda connection: connection.fetch(_UNKNOWN_UPLOADS, list(uploads)))
        return [row["upload"] for row in rows]
