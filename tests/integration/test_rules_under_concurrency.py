"""Rules that hold between requests at the same time: an owner remains, one refresh token has one successor, every failure counts."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.auth.commands.refresh_session import RefreshSession
from api_base.application.tenants.commands.add_member import AddMember
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole
from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.tenants.commands.remove_member import LeaveTenant, RemoveMember
from api_base.application.users.commands.register_user import RegisterUser
from api_base.bootstrap.services import Services
from api_base.core.errors import ApiBaseError, Forbidden
from api_base.core.types import Err, Ok, UserId
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import Role
from api_base.domain.tenants.errors import LastOwner
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.users.repository import SqlUserRepository
from tests.integration.test_logins_and_the_pool import PASSWORD, services
from tests.support import act_for

ALL = frozenset({"tenants:read", "tenants:update", "tenants:manage_members"})
ROUNDS = 20


@pytest.fixture
async def made(migrated: Urls, tmp_path: Path) -> AsyncIterator[Services]:
    async with services(migrated, tmp_path) as one:
        yield one


async def registered(made: Services, name: str) -> UUID:
    await made.bus.execute(RegisterUser(email=f"{name}@example.com", name=name, password=PASSWORD))
    user = await SqlUserRepository(made.ports.database).by_email(EmailAddress.parse(f"{name}@example.com"))
    assert user is not None
    return user.id


async def acting(tenant: UUID, user: UUID, call: Coroutine[Any, Any, Any]) -> ApiBaseError | None:
    """What `user` is refused, in a task and so in a request of its own."""
    act_for(tenant, user, permissions=ALL)
    try:
        await call
    except ApiBaseError as error:
        return error
    return None


async def count(urls: Urls, table: str, where: str, value: object) -> int:
    connection = await asyncpg.connect(urls.owner)
    try:
        found: int = await connection.fetchval(f"select count(*) from {table} where {where} = $1", value)
        return found
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["leave", "step down", "remove each other"])
async def test_of_two_owners_who_go_at_once_one_remains(made: Services, migrated: Urls, way: str) -> None:
    ana, bo = await registered(made, "ana"), await registered(made, "bo")
    bus = made.bus

    def going(tenant: UUID, who: UUID, other: UUID) -> Coroutine[Any, Any, Any]:
        match way:
            case "leave":
                return bus.execute(LeaveTenant(tenant_id=tenant))
            case "step down":
                return bus.execute(ChangeMemberRole(tenant_id=tenant, user_id=UserId(who), expected_version=None, role=Role.MEMBER))
        return bus.execute(RemoveMember(tenant_id=tenant, user_id=UserId(other), expected_version=None))

    for number in range(ROUNDS):
        act_for(None, ana)
        tenant = (await bus.execute(CreateTenant(name="Acme", slug=f"acme-{number}"))).id
        act_for(tenant, ana, permissions=ALL)
        await bus.execute(AddMember(tenant_id=tenant, email="bo@example.com", role=Role.OWNER))
        outcomes = await asyncio.gather(
            asyncio.create_task(acting(tenant, ana, going(tenant, ana, bo))),
            asyncio.create_task(acting(tenant, bo, going(tenant, bo, ana))),
        )
        assert await count(migrated, "memberships", "role = 'owner' and tenant_id", tenant) == 1
        (refusal,) = [outcome for outcome in outcomes if outcome is not None]
        assert isinstance(refusal, LastOwner | Forbidden)


async def test_who_refreshes_many_times_at_once_gets_one_successor(made: Services) -> None:
    await registered(made, "ana")
    answer = await made.bus.execute(LogIn(email="ana@example.com", password=PASSWORD))
    assert isinstance(answer, Ok)
    token = answer.value.refresh_token
    for _ in range(ROUNDS):
        answers = await asyncio.gather(*(made.bus.execute(RefreshSession(refresh_token=token)) for _ in range(5)))
        (token,) = {answer.value.refresh_token for answer in answers if isinstance(answer, Ok)}
        assert all(isinstance(answer, Ok) for answer in answers)


async def test_a_token_of_the_generation_before_last_ends_the_session_for_good(made: Services) -> None:
    await registered(made, "ana")
    answer = await made.bus.execute(LogIn(email="ana@example.com", password=PASSWORD))
    assert isinstance(answer, Ok)
    tokens = [answer.value.refresh_token]
    for _ in range(2):
        answer = await made.bus.execute(RefreshSession(refresh_token=tokens[-1]))
        assert isinstance(answer, Ok)
        tokens.append(answer.value.refresh_token)
    for token in tokens:  # the first is the thief's; that it was refused is kept, and so the good one is void
        assert isinstance(await made.bus.execute(RefreshSession(refresh_token=token)), Err)


@pytest.mark.slow
async def test_of_many_who_register_one_address_at_once_one_is_kept_whole(made: Services, migrated: Urls) -> None:
    register = RegisterUser(email="ana@example.com", name="Ana", password=PASSWORD)
    outcomes = await asyncio.gather(*(made.bus.execute(register) for _ in range(5)), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["EmailTaken"] * 4 + ["RegistrationDTO"]
    for table in ("users", "tenants", "memberships"):
        assert await count(migrated, table, "true", True) == 1
