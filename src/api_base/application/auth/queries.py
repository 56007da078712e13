"""Queries of sessions. Their handlers are adapters: infrastructure/auth/queries.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from api_base.application.auth.dtos import SessionDTO
from api_base.application.common.cqrs import AUTHENTICATED, Query


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSessions(Query[Sequence[SessionDTO]]):
    """The open sessions of the current user: the newest `MAX_SESSIONS`."""

    MAX_SESSIONS: ClassVar[int] = 1000
    permission = AUTHENTICATED
