"""The open unit of work of the current task. Repositories and reads find it here."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api_base.infrastructure.db.unit_of_work import SqlUnitOfWork

current_unit: ContextVar[SqlUnitOfWork | None] = ContextVar("unit_of_work", default=None)
