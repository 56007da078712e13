"""Repositories in memory, for tests of use cases: the ports of the domain over a dict, with versions and what was recorded."""

from collections.abc import Iterable, Sequence
from copy import copy
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import SessionId, TenantId, UserId, request_tenant, request_user
from api_base.domain.auth.device import Device
from api_base.domain.auth.entities import Session
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Membership, Role, Tenant
from api_base.domain.tenants.invitation import Invitation
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.errors import EmailTaken
from api_base.domain.users.password_reset import PasswordReset
from api_base.domain.users.registration import Registration


class MemoryRepository[T: AggregateRoot]:
    """Hands out copies, so that only what was saved is kept; `events` are the names of what was recorded, in order."""

    def __init__(self, *kept: T) -> None:
        self._kept = {entity.id: copy(entity) for entity in kept}
        self.events: list[str] = []

    def all(self) -> list[T]:
        return [copy(entity) for entity in self._kept.values()]

    def find(self, entities: Iterable[T]) -> T | None:
        return next(iter(entities), None)

    async def get(self, id: UUID) -> T | None:
        return self.find(entity for entity in self.all() if entity.id == id)

    async def create(self, entity: T) -> T:
        return self._save(entity)

    async def update(self, entity: T) -> T:
        assert self._kept[entity.id].version == entity.version
        return self._save(entity)

    async def remove(self, entity: T) -> None:
        self._save(entity)
        del self._kept[entity.id]

    async def delete(self, id: UUID) -> bool:
        return self._kept.pop(id, None) is not None

    def _save(self, entity: T) -> T:
        entity.version += 1
        self.events += [event.name for event in entity.collect_events()]
        self._kept[entity.id] = copy(entity)
        return entity


class MemoryUsers(MemoryRepository[User]):
    """`hashes` are those of the passwords, by user."""

    def __init__(self, *kept: User, password_hash: str = "hash") -> None:
        super().__init__(*kept)
        self.hashes: dict[UUID, str] = {user.id: password_hash for user in kept}

    async def password_hash(self, user_id: UserId) -> str:
        return self.hashes.get(user_id, "")

    async def set_password_hash(self, user_id: UserId, password_hash: str) -> None:
        assert user_id in self._kept
        self.hashes[user_id] = password_hash

    async def by_email(self, email: EmailAddress) -> User | None:
        return self.find(user for user in self.all() if user.email == email)

    async def by_emails(self, emails: Sequence[EmailAddress]) -> list[User]:
        return [user for user in self.all() if user.email in emails]

    async def administrators(self) -> int:
        return sum(user.platform_admin and user.status is UserStatus.ACTIVE for user in self.all())

    async def create(self, entity: User) -> User:
        if await self.by_email(entity.email) is not None:
            raise EmailTaken(entity.email.value)
        return await super().create(entity)


class MemoryRegistrations(MemoryRepository[Registration]):
    async def unconfirmed(self, email: EmailAddress) -> Registration | None:
        return self.find(one for one in self.all() if (one.email, one.used_at) == (email, None))


class MemoryResets(MemoryRepository[PasswordReset]):
    async def of(self, user_id: UserId, id: UUID) -> PasswordReset | None:
        return self.find(reset for reset in self.all() if (reset.user_id, reset.id) == (user_id, id))

    async def unused(self, user_id: UserId) -> PasswordReset | None:
        return self.find(reset for reset in self.all() if (reset.user_id, reset.used_at) == (user_id, None))


class MemorySessions(MemoryRepository[Session]):
    """Reads for the user of the request in hand, as the policies do."""

    async def get(self, id: UUID) -> Session | None:
        return await self.of(request_user(), SessionId(id))

    async def of(self, user_id: UserId, session_id: SessionId) -> Session | None:
        return self.find(session for session in self.all() if (session.user_id, session.id) == (user_id, session_id))

    async def open_sessions(self, user_id: UserId) -> list[Session]:
        return [session for session in self.all() if session.user_id == user_id and session.revoked_at is None]


class MemoryDevices(MemoryRepository[Device]):
    async def of(self, user_id: UserId, id: UUID) -> Device | None:
        return self.find(device for device in self.all() if (device.user_id, device.id) == (user_id, id))

    async def all_of(self, user_id: UserId) -> list[Device]:
        return [device for device in self.all() if device.user_id == user_id]


class MemoryTenants(MemoryRepository[Tenant]):
    async def get(self, id: UUID) -> Tenant | None:
        return await super().get(id) if id == request_tenant() else None

    async def named(self, id: TenantId) -> Tenant | None:
        return await super().get(id)


class MemoryInvitations(MemoryRepository[Invitation]):
    """Reads for the tenant of the request in hand, but by `of`."""

    async def get(self, id: UUID) -> Invitation | None:
        return await self.of(request_tenant(), id)

    async def of(self, tenant_id: TenantId, id: UUID) -> Invitation | None:
        return self.find(one for one in self.all() if (one.tenant_id, one.id) == (tenant_id, id))

    async def pending(self, email: EmailAddress) -> Invitation | None:
        return self.find(one for one in self.all() if (one.tenant_id, one.email, one.accepted_at) == (request_tenant(), email, None))

    async def pending_by(self, user_id: UserId) -> list[Invitation]:
        return [one for one in self.all() if one.invited_by == user_id and one.accepted_at is None]


class MemoryMemberships(MemoryRepository[Membership]):
    """Reads for the tenant of the request in hand, as the policies do."""

    async def of(self, user_id: UserId) -> Membership | None:
        return await self.in_tenant(request_tenant(), user_id)

    async def in_tenant(self, tenant_id: TenantId, user_id: UserId) -> Membership | None:
        return self.find(member for member in self.all() if (member.tenant_id, member.user_id) == (tenant_id, user_id))

    async def of_users(self, user_ids: Sequence[UserId]) -> dict[UserId, Membership]:
        return {member.user_id: member for member in self._here() if member.user_id in user_ids}

    async def owners(self) -> int:
        return sum(member.role is Role.OWNER for member in self._here())

    def _here(self) -> list[Membership]:
        return [member for member in self.all() if member.tenant_id == request_tenant()]
