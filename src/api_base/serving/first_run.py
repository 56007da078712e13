"""The first run: the schema, and in development somebody to log in as. What is made is told once."""

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
    """See to the schema before serving; what to tell the developer of a first run, or None.

    In development what is pending is migrated, and with `seed` a first run makes an administrator and a tenant. Elsewhere
    migrating is a step of its own: raises `ConfigurationError` where it is due.
    """
    if migrations.at_head(urls, contexts):
        return None
    if settings.environment == "production":
        raise ConfigurationError("The database is behind this version. Run `api-base migrate up` first.")
    fresh = not any(branch.current for branch in migrations.status(urls, contexts))
    migrations.up(settings, urls, contexts)
    return _announced(settings, contexts) if fresh and seed and settings.environment == "development" else None


def _announced(settings: Settings, contexts: Sequence[Context]) -> str:
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    asyncio.run(_seed(settings, contexts, password))
    address = f"http://{settings.server.host}:{settings.server.port}"
    return (
        f"\nThe first run made an administrator and the tenant {TENANT!r}. This is told once:\n\n"
        f"    e-mail    {ADMINISTRATOR}\n    password  {password}\n\n"
        "Try it:\n\n"
        f"    TOKEN=$(curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"
        f'        -d \'{{"email": "{ADMINISTRATOR}", "password": "{password}"}}\' | sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')\n'
        f"    curl -s {address}/api/v1/items -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        '        -d \'{"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "price": {"amount": "12.50", "currency": "EUR"}}\'\n\n'
        f"Documentation: {address}/docs\n"
    )


async def create_administrator(settings: Settings, contexts: Sequence[Context], *, email: str, name: str, password: str) -> UserDTO:
    """An administrator of the platform. Raises `Invalid`, `EmailTaken`."""
    async with opened(build(settings, contexts)) as services:
        return await _administrator(services, email, name, password)


async def _administrator(services: Services, email: str, name: str, password: str) -> UserDTO:
    current_context.set(RequestContext(request_id="command-line"))
    address = EmailAddress.parse(email)
    await services.container.password_policy().check(password, known=(address.value, name))
    hashed = await services.container.password_hasher().hash(password)
    return await services.bus.execute(CreateUser(email=address, name=name, password_hash=hashed, platform_admin=True))


async def _seed(settings: Settings, contexts: Sequence[Context], password: str) -> None:
    async with opened(build(settings, contexts)) as services:
        user = await _administrator(services, ADMINISTRATOR, "Administrator", password)
        context = current_context.get()
        context.principal = Principal(
            user_id=UserId(user.id), session_id=None, tenant_id=None, role=None, platform_admin=True, permissions=frozenset()
        )
        await services.bus.execute(CreateTenant(name="Demonstration", slug=TENANT))
