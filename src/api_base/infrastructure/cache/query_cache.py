"""The stage of the pipeline that caches the results of cacheable queries, behind the check of permissions.

The key holds the caller's permissions as of this request, so a changed role finds nothing of what the former one could see. A write ends the
results that read it, when it is committed and before its caller is answered. The commit also notifies the other processes, which end them
again: those in their own memory, and those in Redis in case the process that wrote was killed before it did.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import fields
from functools import lru_cache
from hashlib import blake2b
from secrets import token_hex
from typing import Any, Final
from uuid import UUID

from api_base.application.common.cqrs import Cacheable, Message, Query, answer_of
from api_base.application.common.cqrs.bus import Call
from api_base.core.errors import ProgrammingError
from api_base.core.protocols import Caches
from api_base.core.types import NO_REQUEST, NO_TENANT, NO_USER, current_context
from api_base.infrastructure.cache.decorators import cached
from api_base.infrastructure.db.changes import ChangeObserver
from api_base.infrastructure.db.unit_of_work import current_unit
from api_base.infrastructure.serialization.json_codec import encode_exactly

MAX_TENANTS: Final = 1000
"""Tenants whose cache of a query a process has at hand."""
MAX_REMEMBERED: Final = 4096
"""Messages whose identity a process has at hand."""
_EXACT: Final = frozenset({UUID, int, bool, type(None)})
"""Equal values of one of these types are the same value, and short."""
MAX_NOTIFICATION: Final = 7_900
"""Characters. PostgreSQL refuses 8,000 bytes and more [manual, NOTIFY]."""


class QueryCache(ChangeObserver):
    """A `Middleware` of the bus, and the observer of changes."""

    def __init__(self, caches: Caches) -> None:
        self._caches = caches
        self.entities: set[str] = set()
        self._id = token_hex(8)
        self._notified: set[tuple[UUID | None, str]] = set()
        self._ending: asyncio.Task[None] | None = None

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Query) or message_type.cacheable is Cacheable.NEVER:
            return call_next
        reads, staleness = message_type.reads, message_type.staleness
        if not reads or staleness <= 0 or not 0 <= message_type.max_age <= staleness:
            raise ProgrammingError(
                f"{message_type.__name__} is cacheable: declare what it `reads`, a `staleness` above 0 seconds, and no `max_age` above it."
            )
        self.entities.update(reads)
        of = lru_cache(MAX_TENANTS)(
            self._caches.providers(f"{message_type.__module__}.{message_type.__qualname__}", answer_of(message_type))
        )
        caller = _caller if message_type.cacheable is Cacheable.BY_PERMISSIONS else _user
        identity = _identities(message_type)

        @cached(
            lambda message: of(_tenant()), key=lambda message: f"{caller()}:{identity(message)}", ttl=staleness, tags=lambda message: reads
        )
        async def through(message: Message[Any]) -> Any:
            return await call_next(message)

        async def answered(message: Message[Any]) -> Any:
            """In a unit of work, a query sees changes that are not committed: its result is neither taken from the cache nor stored."""
            return await (through(message) if current_unit.get() is None else call_next(message))

        return answered

    async def changed(self, changes: Collection[tuple[UUID | None, str]]) -> None:
        by_owner: defaultdict[UUID, set[str]] = defaultdict(set)
        for owner, entity in changes:
            by_owner[owner or NO_TENANT].add(entity)
        for owner, entities in by_owner.items():
            await self._caches.invalidate(owner, entities)

    def notification(self, changes: Collection[tuple[UUID | None, str]]) -> str:
        """Changes of so many owners that they do not fit end the results only in the process that makes them, and by their age."""
        lines = [self._id, *(f"{owner or NO_TENANT} {entity}" for owner, entity in changes)]
        text = "\n".join(lines)
        return text if len(text) <= MAX_NOTIFICATION else self._id

    def notified(self, notification: str) -> None:
        """End what a commit of another process changed; this process has ended what it changed itself. Raises `ValueError`."""
        by, *lines = notification.split("\n")
        changes = {(UUID(owner), entity) for owner, _, entity in (line.partition(" ") for line in lines)}
        if by != self._id:
            self._notified |= changes
            if self._ending is None:
                self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        try:
            while self._notified:
                changes, self._notified = self._notified, set()
                await self.changed(changes)
        finally:
            self._ending = None


def _tenant() -> UUID:
    context = current_context.get(NO_REQUEST)
    return (context.tenant_id if context.visit is None else context.visit.tenant_id) or NO_TENANT


def _caller() -> str:
    """Visitors of public pages share no result with members, and none with each other unless they are anonymous: a page may show own rows."""
    context = current_context.get(NO_REQUEST)
    if context.visit is not None:
        return f"visitor {context.visit.visitor or NO_USER}"
    return "" if context.principal is None else _digest(context.principal.permissions)


def _user() -> str:
    return f"{current_context.get(NO_REQUEST).user_id or NO_USER}:{_caller()}"


@lru_cache(maxsize=1024)
def _digest(permissions: frozenset[str]) -> str:
    return blake2b("\n".join(sorted(permissions)).encode(), digest_size=12).hexdigest()


def _identities(message_type: Any) -> Callable[[Message[Any]], str]:
    """Return what makes the identity of a message among those of its type. That of an id or a number is remembered."""
    names = [one.name for one in fields(message_type)]

    def identity(message: Message[Any]) -> str:
        values = [getattr(message, name) for name in names]
        for value in values:
            if type(value) not in _EXACT:
                return _identity(message)
        return _remembered(*values)

    return identity


@lru_cache(MAX_REMEMBERED, typed=True)
def _remembered(*values: object) -> str:
    return _digest_of(encode_exactly(values))


def _identity(message: Message[Any]) -> str:
    """Both the JSON and the text of the message count: the first is complete, the second names the class of every part."""
    try:
        return _digest_of(encode_exactly(message) + repr(message).encode())
    except (TypeError, ValueError) as error:
        raise ProgrammingError(f"{type(message).__name__} is cacheable, but has no JSON form: {error}") from error


def _digest_of(identity: bytes) -> str:
    return blake2b(identity, digest_size=16).hexdigest()
