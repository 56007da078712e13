"""Ready handlers of commands on plain resources. Their messages are the context's own: any with the fields that `handle` reads.

The handlers of queries are adapters: infrastructure/db/resource_queries.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import UUID

from api_base.application.common.aggregates import load
from api_base.application.common.money import MoneyPatch
from api_base.core.protocols import AsyncRepository, Clock, IdGenerator
from api_base.core.types import request_tenant, request_user
from api_base.domain.common.resource import Resource, RestorableResource
from api_base.domain.common.resource_events import ResourceEvent, record

type Owner = Callable[[], Mapping[str, UUID]]
"""Returns the attributes of a new resource that say whose it is."""


def of_tenant() -> Mapping[str, UUID]:
    """Return the tenant of the request as the owner."""
    return {"tenant_id": request_tenant()}


def of_member() -> Mapping[str, UUID]:
    """Return the tenant of the request as the owner, and its user, who is the author of the resource."""
    return {"tenant_id": request_tenant(), "user_id": request_user()}


def of_user() -> Mapping[str, UUID]:
    """Return the user of the request as the owner."""
    return {"user_id": request_user()}


def of_system() -> Mapping[str, UUID]:
    """Return no owner."""
    return {}


class ResourceRepository[T](AsyncRepository[T, UUID], Protocol):
    """The repository of a plain resource, for the owner of the request."""

    async def remove(self, entity: T) -> None:
        """Delete permanently, guarded by the version."""


class _Creating(Protocol):
    @property
    def values(self) -> Mapping[str, Any]: ...


class _Naming(Protocol):
    @property
    def id(self) -> UUID: ...
    @property
    def expected_version(self) -> int | None: ...


class _Changing(_Naming, Protocol):
    @property
    def changes(self) -> Mapping[str, Any]: ...


class Create[T: Resource, D]:
    """Creates a resource of the class `aggregate` for the owner of the request; `dto` makes the answer, `event` is what is recorded, if anything."""

    def __init__(
        self,
        repository: ResourceRepository[T],
        aggregate: type[T],
        dto: Callable[[T], D],
        owner: Owner,
        ids: IdGenerator,
        clock: Clock,
        event: type[ResourceEvent] | None = None,
    ) -> None:
        self._repository, self.aggregate, self.dto, self._owner = repository, aggregate, dto, owner
        self._ids, self._clock, self._event = ids, clock, event

    async def handle(self, command: _Creating) -> D:
        """Create the resource. Raises `Invalid`; the commit raises the error of a violated constraint."""
        entity = self.aggregate.create(id=self._ids.new(), now=self._clock.now(), **self._owner(), **command.values)
        record(entity, self._event)
        return self.dto(await self._repository.create(entity))


class _Loading[T: Resource]:
    """The base of handlers that load a resource; `name` is that of the resource in messages, `event` is what is recorded, if anything."""

    def __init__(self, repository: ResourceRepository[T], name: str, clock: Clock, event: type[ResourceEvent] | None = None) -> None:
        self._repository, self._name, self._clock, self._event = repository, name, clock, event

    async def _load(self, command: _Naming) -> T:
        return await load(self._repository, self._name, command.id, command.expected_version)


class _Answering[T: Resource, D](_Loading[T]):
    """The base of those that answer with the resource, which `dto` shows."""

    def __init__(
        self,
        repository: ResourceRepository[T],
        name: str,
        aggregate: type[T],
        dto: Callable[[T], D],
        clock: Clock,
        event: type[ResourceEvent] | None = None,
    ) -> None:
        super().__init__(repository, name, clock, event)
        self.aggregate, self.dto = aggregate, dto


class Update[T: Resource, D](_Answering[T, D]):
    """Changes a resource."""

    async def handle(self, command: _Changing) -> D:
        """Change the resource. Raises `NotFound`, `StaleVersion`, `Invalid`, and `Conflict` for a deleted one."""
        entity = await self._load(command)
        if entity.change(self._clock.now(), **_applied(entity, command.changes)):
            record(entity, self._event)
            await self._repository.update(entity)
        return self.dto(entity)


class Delete[T: Resource](_Loading[T]):
    """Deletes a resource."""

    async def handle(self, command: _Naming) -> None:
        """Delete the resource, a restorable one so that it can be restored. Raises `NotFound`, `StaleVersion`, and `Conflict` for a deleted one."""
        entity = await self._load(command)
        record(entity, self._event)
        if isinstance(entity, RestorableResource):
            entity.delete(self._clock.now())
            await self._repository.update(entity)
        else:
            await self._repository.remove(entity)


class Restore[T: RestorableResource, D](_Answering[T, D]):
    """Restores a deleted resource."""

    async def handle(self, command: _Naming) -> D:
        """Restore the resource. Raises `NotFound`, `StaleVersion`, and `Conflict` for one that is not deleted."""
        entity = await self._load(command)
        entity.restore(self._clock.now())
        record(entity, self._event)
        return self.dto(await self._repository.update(entity))


def _applied(entity: Resource, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new values, with the patches of money applied."""
    return {
        name: value.applied(getattr(entity, name), f"/{name}") if isinstance(value, MoneyPatch) else value
        for name, value in changes.items()
    }
