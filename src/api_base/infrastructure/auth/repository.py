"""Repositories of sessions and devices."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from api_base.core.errors import Transient
from api_base.core.types import SessionId, UserId, request_user
from api_base.domain.auth.device import Device
from api_base.domain.auth.entities import Session
from api_base.domain.auth.repository import DeviceRepository, SessionRepository
from api_base.infrastructure.auth.tables import DEVICES, SESSIONS
from api_base.infrastructure.db.repository import SqlRepository, TableMapping
from api_base.infrastructure.db.session import Database, Row


def to_row(session: Session) -> tuple[Any, ...]:
    return (
        session.user_id,
        session.id,
        session.tenant_id,
        session.tag_key,
        session.generation,
        session.digest,
        session.previous_digest,
        session.nonce,
        session.rotated_at,
        session.version,
        session.created_at,
        session.expires_at,
        session.revoked_at,
        session.user_agent,
        session.address,
    )


def from_row(row: Row) -> Session:
    return Session(**dict(row))


MAPPING = TableMapping[Session](entity="session", table=SESSIONS, to_row=to_row, from_row=from_row, owner=lambda session: session.user_id)


def device_to_row(device: Device) -> tuple[Any, ...]:
    return (device.user_id, device.id, device.user_agent, device.address, device.version, device.created_at, device.seen_at)


DEVICE_MAPPING = TableMapping[Device](
    entity="device",
    table=DEVICES,
    to_row=device_to_row,
    from_row=lambda row: Device(**dict(row)),
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
        rows = await self._database.fetch(self._open, user_id)
        return [self.restore(row) for row in rows]


class SqlDeviceRepository(SqlRepository[Device], DeviceRepository):
    def __init__(self, database: Database) -> None:
        super().__init__(database, DEVICE_MAPPING, request_user)
        self._all = self.statement()

    async def of(self, user_id: UserId, id: UUID) -> Device | None:
        return await self.find(self._by_id, user_id, id=id)

    async def all_of(self, user_id: UserId) -> list[Device]:
        return [self.restore(row) for row in await self._database.fetch(self._all, user_id)]
