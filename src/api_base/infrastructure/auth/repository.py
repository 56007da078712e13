"""Repositories of sessions and devices."""

from uuid import UUID

import sqlalchemy as sa

from api_base.core.errors import Transient
from api_base.core.types import SessionId, UserId, request_user
from api_base.domain.auth.device import Device
from api_base.domain.auth.entities import Session
from api_base.domain.auth.repository import DeviceRepository, SessionRepository
from api_base.infrastructure.auth.tables import DEVICES, SESSIONS
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.rows import restored, row_of
from api_base.infrastructure.db.session import Database

MAPPING = TableMapping[Session](
    entity="session", table=SESSIONS, to_row=row_of(SESSIONS), from_row=restored(Session), owner=lambda session: session.user_id
)

DEVICE_MAPPING = TableMapping[Device](
    entity="device",
    table=DEVICES,
    to_row=row_of(DEVICES),
    from_row=restored(Device),
    owner=lambda device: device.user_id,
    constraint_errors={"devices_pkey": lambda device: Transient("Another login has just recorded this device.")},
)


class SqlSessionRepository(SqlRepository[Session], SessionRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, MAPPING, request_user)
        self._open = self.statement(SESSIONS.c.revoked_at.is_(None), SESSIONS.c.expires_at > sa.func.now())

    async def of(self, user_id: UserId, session_id: SessionId) -> Session | None:
        return await self.find(self._by_id, user_id, id=session_id)

    async def open_sessions(self, user_id: UserId) -> list[Session]:
        return await self.find_all(self._open, user_id)


class SqlDeviceRepository(SqlRepository[Device], DeviceRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, DEVICE_MAPPING, request_user)
        self._all = self.statement()

    async def of(self, user_id: UserId, id: UUID) -> Device | None:
        return await self.find(self._by_id, user_id, id=id)

    async def all_of(self, user_id: UserId) -> list[Device]:
        return await self.find_all(self._all, user_id)
