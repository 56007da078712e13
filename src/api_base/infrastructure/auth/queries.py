"""Queries of sessions: rows become DTOs directly, without the aggregate."""

from collections.abc import Sequence

import sqlalchemy as sa

from api_base.application.auth.dtos import SessionDTO
from api_base.application.auth.queries import ListSessions
from api_base.core.types import SessionId, current_context, request_user
from api_base.infrastructure.auth.tables import SESSIONS
from api_base.infrastructure.db.schema import Ownership
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement, owned


class ListSessionsHandler:
    def __init__(self, database: Database) -> None:
        self._database = database
        is_open = (SESSIONS.c.revoked_at.is_(None), SESSIONS.c.expires_at > sa.func.now())
        newest = (
            sa.select(SESSIONS).where(owned(SESSIONS), *is_open).order_by(SESSIONS.c.created_at.desc()).limit(ListSessions.MAX_SESSIONS)
        )
        self._statement = Statement(newest, Ownership.USER)

    async def handle(self, query: ListSessions) -> Sequence[SessionDTO]:
        del query
        principal = current_context.get().principal
        current = None if principal is None else principal.session_id
        return [_to_dto(row, current) for row in await self._database.fetch(self._statement, request_user())]


def _to_dto(row: Row, current: SessionId | None) -> SessionDTO:
    return SessionDTO(
        id=row["id"],
        user_agent=row["user_agent"],
        address=row["address"],
        current=row["id"] == current,
        created_at=row["created_at"],
        last_used_at=row["rotated_at"] or row["created_at"],
        expires_at=row["expires_at"],
        scope=row["scope"],
        name=row["name"],
    )
