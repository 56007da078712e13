"""The current permissions of a token's bearer: a cache in each process, invalidated by NOTIFY.

A token names a user, a session and a tenant. Whether the user is active, whether the session is open and which role the membership has
is read once, with the plan of the tenant, and cached until a notification names the user or the tenant. While the listener is not connected (`fresh_until` has passed), every request
reads the database: no right outlives its revocation by more than a second.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Final
from uuid import UUID

from api_base.core.errors import Unauthenticated
from api_base.core.protocols import AccessLookup, Clock, PrincipalResolver, TokenClaims
from api_base.core.types import Principal, SessionId, TenantId, UserId
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.db.session import Database, Row
from api_base.infrastructure.db.statement import Statement

CHANNEL: Final = "access_changed"
"""Notifications carry the id of the user whose status, sessions or memberships changed, or of the tenant whose plan changed."""

type _Key = tuple[int, int | None, int | None]
"""The ids of user, session and tenant as numbers: `UUID` computes its hash in Python."""


@dataclass(frozen=True, slots=True)
class _Entry:
    principal: Principal
    session_expires_at: float


class AccessSnapshot(AccessLookup, PrincipalResolver):
    """Implements `AccessLookup` and `PrincipalResolver`.

    `statement` returns one row for a user (its owner), `session` and `tenant`: status, platform_admin, session_expires_at (null for an
    unknown or revoked session), role and plan. The cache holds at most `capacity` principals and evicts the oldest first.
    """

    def __init__(
        self,
        database: Database,
        statement: Statement,
        permissions_of: Callable[[str | None, bool], frozenset[str]],
        clock: Clock,
        listen_dsn: str,
        capacity: int = 50_000,
    ) -> None:
        self._database, self._statement = database, statement
        self._permissions_of, self._clock, self._capacity = permissions_of, clock, capacity
        self._entries: dict[_Key, _Entry] = {}
        self._keys_of: dict[int, set[_Key]] = {}
        self._changes = 0
        self.listener = NotificationListener(listen_dsn, CHANNEL, self._forget, self._forget_all)

    async def principal(self, claims: TokenClaims) -> Principal:
        """The principal of a verified token. Raises `Unauthenticated` if its user, session or membership has ended."""
        return await self._principal(claims.user_id, claims.session_id, claims.tenant_id)

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        """The principal of a user without a session, for background work. Raises `Unauthenticated` if the user or membership has ended."""
        return await self._principal(user_id, None, tenant_id)

    async def _principal(self, user_id: UserId, session_id: SessionId | None, tenant_id: TenantId | None) -> Principal:
        key = (user_id.int, None if session_id is None else session_id.int, None if tenant_id is None else tenant_id.int)
        if time.monotonic() < self.listener.fresh_until:
            entry = self._entries.get(key)
            if entry is not None and entry.session_expires_at > time.time():
                return entry.principal
        changes = self._changes
        row = await self._database.fetchrow(self._statement, user_id, session=session_id, tenant=tenant_id)
        if row is None or row["status"] != "active":
            raise Unauthenticated("The user of this token is not active.")
        expires_at = inf if session_id is None else self._session_end(row)
        entry = _Entry(self._to_principal(row, user_id, session_id, tenant_id), expires_at)
        if changes == self._changes:  # nothing was revoked during the query
            self._keep(key, entry)
        return entry.principal

    def _session_end(self, row: Row) -> float:
        expires_at = row["session_expires_at"]
        if expires_at is None or expires_at <= self._clock.now():
            raise Unauthenticated("The session of this token has ended. Log in again.")
        end: float = expires_at.timestamp()
        return end

    def _to_principal(self, row: Row, user_id: UserId, session_id: SessionId | None, tenant_id: TenantId | None) -> Principal:
        role: str | None = row["role"]
        if tenant_id is not None and role is None:
            raise Unauthenticated("The membership behind this token has ended. Log in again.")
        admin: bool = row["platform_admin"]
        return Principal(
            user_id=user_id,
            session_id=session_id,
            tenant_id=tenant_id,
            role=role,
            plan=row["plan"],
            platform_admin=admin,
            permissions=self._permissions_of(role, admin),
        )

    def _keep(self, key: _Key, entry: _Entry) -> None:
        if len(self._entries) >= self._capacity:
            self._drop(next(iter(self._entries)))
        self._entries[key] = entry
        for id in _named_in(key):
            self._keys_of.setdefault(id, set()).add(key)

    def _forget(self, payload: str) -> None:
        self._changes += 1
        for key in tuple(self._keys_of.get(UUID(payload).int, ())):
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        del self._entries[key]
        for id in _named_in(key):
            keys = self._keys_of[id]
            keys.discard(key)
            if not keys:
                del self._keys_of[id]

    def _forget_all(self) -> None:
        self._changes += 1
        self._entries.clear()
        self._keys_of.clear()


def _named_in(key: _Key) -> tuple[int, ...]:
    """The user and the tenant: a notification that carries either id ends the entry."""
    user_id, _, tenant_id = key
    return (user_id,) if tenant_id is None else (user_id, tenant_id)
