"""Prepare the database before serving: migrate the schema, and on a first run in development create an administrator.

The administrator's password is random. It is printed once and stored only as a hash.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Final

from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.dtos import UserDTO
from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.types import Principal, RequestContext, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.infrastructure.db.embedded import Urls

ADMINISTRATOR: Final = "admin@example.com"
TENANT: Final = "demo"


def prepare(settings: Settings, urls: Urls, contexts: Sequence[Context], *, seed: bool) -> str | None:
    """Migrate the schema before serving. The result is a message for the developer after a first run, otherwise None.

    `seed` lets a first run in development create an administrator and a tenant.

    Raises `ConfigurationError` in production when a migration is pending: there, migrating is a separate deployment step.
    """
    if migrations.at_head(urls, contexts):
        return None
    if settings.environment == "production":
        raise ConfigurationError("The database is behind this version. Run `api-base migrate up` first.")
    fresh = not any(branch.current for branch in migrations.status(urls, contexts))
    migrations.up(settings, urls, contexts)
    return _seed(settings, contexts) if fresh and seed and settings.environment == "development" else None


async def create_administrator(settings: Settings, contexts: Sequence[Context], *, email: str, name: str, password: str) -> UserDTO:
    """Create an administrator of the platform in the database of `settings`. Raises `Invalid`, `EmailTaken`."""
    async with opened(build(settings, contexts)) as services:
        return await _add_administrator(services, email=email, name=name, password=password)


async def _add_administrator(services: Services, *, email: str, name: str, password: str) -> UserDTO:
    current_context.set(RequestContext(request_id="command-line"))
    address = EmailAddress.parse(email)
    await services.container.password_policy.check(password, known=(address.value, name))
    hashed = await services.container.password_hasher.hash(password)
    return await services.bus.execute(CreateUser(email=address, name=name, password_hash=hashed, platform_admin=True))


def _seed(settings: Settings, contexts: Sequence[Context]) -> str:
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    asyncio.run(_add_administrator_and_tenant(settings, contexts, password))
    address = f"http://{settings.server.host}:{settings.server.port}"
    return (
        f"\nThe first run created an administrator and the tenant {TENANT!r}. This message is shown once:\n\n"
        f"    e-mail    {ADMINISTRATOR}\n    password  {password}\n\n"
        "Try it:\n\n"
        f"    TOKEN=$(curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"
        f'        -d \'{{"email": "{ADMINISTRATOR}", "password": "{password}"}}\' | sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')\n'
        f"    curl -s {address}/api/v1/items -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        '        -d \'{"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}\'\n\n'
        f"Documentation: {address}/docs\n"
    )


async def _add_administrator_and_tenant(settings: Settings, contexts: Sequence[Context], password: str) -> None:
    async with opened(build(settings, contexts)) as services:
        user = await _add_administrator(services, email=ADMINISTRATOR, name="Administrator", password=password)
        administrator = Principal(
            user_id=UserId(user.id), session_id=None, tenant_id=None, role=None, platform_admin=True, permissions=frozenset()
        )
        current_context.set(RequestContext(request_id="command-line", principal=administrator))
        await services.bus.execute(CreateTenant(name="Demonstration", slug=TENANT))
