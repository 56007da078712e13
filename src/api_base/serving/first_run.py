"""What a database needs before it is served: every revision, and in development an administrator and a tenant.

The database itself says what is missing, so a run that was interrupted anywhere is completed by the next one. The password of the first
administrator is random, printed, and stored only as a hash: until somebody logs in with it, each start replaces and prints it again.

Administrators are created as the role that owns the tables, which no process that serves can connect as.
"""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.users.commands.create_user import CreateUser, ReplaceUnusedPassword
from api_base.application.users.dtos import UserDTO
from api_base.bootstrap import migrations
from api_base.bootstrap.context import Context
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.errors import ConfigurationError
from api_base.core.types import Principal, RequestContext, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.errors import SlugTaken
from api_base.domain.users.errors import EmailTaken
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.db.migrations.revisions import plain_connection
from api_base.infrastructure.db.sources import configured
from api_base.infrastructure.users.first_administrator import first_administrator
from api_base.serving.resolving import on

ADMINISTRATOR: Final = "admin@example.com"
TENANT: Final = "demo"


class Missing(Enum):
    """What is missing: the process may not serve before `PREPARATION`, but it may before the first `LOGIN` is printed."""

    NOTHING = auto()
    LOGIN = auto()
    PREPARATION = auto()


def missing(settings: Settings, urls: Urls, contexts: Sequence[Context], *, seed: bool) -> Missing:
    """Return what the database is missing, read as the role `app` over one connection.

    Raises `Unavailable`, and `ConfigurationError` in production when a revision is pending: there, migrating is a separate deployment step.
    """
    return asyncio.run(_missing(settings, urls, contexts, seed))


def prepare(settings: Settings, urls: Urls, contexts: Sequence[Context], *, seed: bool) -> str | None:
    """Apply pending revisions and, with `seed` in development, create what is missing. Returns a message for the developer."""
    if not migrations.at_head(urls, contexts):
        migrations.up(settings, urls, contexts)
    if not _seeds(settings, seed):
        return None
    return asyncio.run(_seed(settings, urls, contexts))


async def create_administrator(settings: Settings, contexts: Sequence[Context], *, email: str, name: str, password: str) -> UserDTO:
    """Create an administrator of the platform in the database of `settings`. Raises `Invalid`, `EmailTaken`."""
    async with opened(build(_as_owner(settings, configured(settings)), contexts)) as services:
        return await _add_administrator(services, email=email, name=name, password=password)


def _as_owner(settings: Settings, urls: Urls) -> Settings:
    """Return settings with which the application connects as the role that owns the tables."""
    return on(settings, replace(urls, app=urls.owner, direct=urls.owner))


async def _add_administrator(services: Services, *, email: str, name: str, password: str) -> UserDTO:
    current_context.set(RequestContext(request_id="command-line"))
    address = EmailAddress.parse(email)
    await services.container.password_policy.check(password, known=(address.value, name))
    hashed = await services.container.password_hasher.hash(password)
    return await services.bus.execute(CreateUser(email=address, name=name, password_hash=hashed, platform_admin=True))


def _seeds(settings: Settings, seed: bool) -> bool:
    return seed and settings.environment == "development"


async def _missing(settings: Settings, urls: Urls, contexts: Sequence[Context], seed: bool) -> Missing:
    async with plain_connection(urls.direct) as connection:
        if not await migrations.complete(connection, urls, contexts):
            if settings.environment == "production":
                raise ConfigurationError("The database is behind this version. Run `api-base migrate up` first.")
            return Missing.PREPARATION
        if not _seeds(settings, seed):
            return Missing.NOTHING
        administrator = await first_administrator(connection, ADMINISTRATOR)
    if not administrator.exists:
        return Missing.PREPARATION
    return Missing.NOTHING if administrator.unused is None else Missing.LOGIN


async def _seed(settings: Settings, urls: Urls, contexts: Sequence[Context]) -> str | None:
    async with plain_connection(urls.direct) as connection:
        administrator = await first_administrator(connection, ADMINISTRATOR)
    if administrator.exists and administrator.unused is None:
        return None
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    async with opened(build(_as_owner(settings, urls), contexts)) as services:
        if administrator.unused is not None:
            id = UserId(administrator.unused)
            hashed = await services.container.password_hasher.hash(password)
            current_context.set(RequestContext(request_id="command-line"))
            await services.bus.execute(ReplaceUnusedPassword(user_id=id, password_hash=hashed))
        else:
            try:
                user = await _add_administrator(services, email=ADMINISTRATOR, name="Administrator", password=password)
            except EmailTaken:
                return (
                    f"\nThe platform has no administrator, and {ADMINISTRATOR} belongs to an ordinary user. "
                    "Create an administrator: api-base users create-admin ADDRESS\n"
                )
            id = UserId(user.id)
        await _add_tenant(services, id)
    return _announcement(settings, password, items=any(context.name == "items" for context in services.contexts))


async def _add_tenant(services: Services, administrator: UserId) -> None:
    principal = Principal(user_id=administrator, session_id=None, tenant_id=None, role=None, platform_admin=True, permissions=frozenset())
    current_context.set(RequestContext(request_id="command-line", principal=principal))
    with suppress(SlugTaken):  # by the run before
        await services.bus.execute(CreateTenant(name="Demonstration", slug=TENANT))


def _announcement(settings: Settings, password: str, *, items: bool) -> str:
    """`items`: the application has the context of that name."""
    address = f"http://{settings.server.host}:{settings.server.port}"
    call = (
        f"    curl -s {address}/api/v2/items -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n"
        '        -d \'{"sku": "CHAIR-1", "name": "Chair", "category": "furniture", "prices": [{"amount": "12.50", "currency": "EUR"}]}\'\n\n'
        if items
        else f'    curl -s {address}/api/v1/tenants -H "Authorization: Bearer $TOKEN"\n\n'
    )
    return (
        f"\nThe first run created an administrator and the tenant {TENANT!r}. Until the first login, each start prints a new password:\n\n"
        f"    e-mail    {ADMINISTRATOR}\n    password  {password}\n\n"
        "Try it:\n\n"
        f"    TOKEN=$(curl -s {address}/api/v1/auth/login -H 'Content-Type: application/json' \\\n"
        f'        -d \'{{"email": "{ADMINISTRATOR}", "password": "{password}"}}\' | sed \'s/.*"access_token":"\\([^"]*\\)".*/\\1/\')\n'
        f"{call}"
        f"Documentation: {address}/docs\n"
    )
