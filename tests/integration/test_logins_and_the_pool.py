"""Hashing a password holds no database connection: ten logins at once on a pool of five hold up nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.tenants.queries import ListMyTenants
from api_base.application.users.commands.register_user import RegisterUser
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.config import Settings
from api_base.core.types import Ok, RequestContext, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.users.repository import SqlUserRepository
from tests.support import act_for

PASSWORD = "correct horse battery staple 9"


@asynccontextmanager
async def services(urls: Urls, keys: Path) -> AsyncIterator[Services]:
    defaults = Settings(_env_file=None)
    database = defaults.database.model_copy(update={"url": SecretStr(urls.app), "direct_url": SecretStr(urls.direct), "pool_size": 5})
    security = defaults.security.model_copy(update={"key_dir": keys, "hash_concurrency": 1})
    current_context.set(RequestContext(request_id="test"))
    async with opened(build(defaults.model_copy(update={"database": database, "security": security}), BUILT_IN)) as made:
        yield made


@pytest.mark.slow
async def test_ten_logins_at_once_hold_up_nobody(migrated: Urls, tmp_path: Path) -> None:
    async with services(migrated, tmp_path) as made:
        await made.bus.execute(RegisterUser(email="ana@example.com", name="Ana", password=PASSWORD))
        user = await SqlUserRepository(made.ports.database).by_email(EmailAddress.parse("ana@example.com"))
        assert user is not None
        logins = [asyncio.create_task(made.bus.execute(LogIn(email="ana@example.com", password=PASSWORD))) for _ in range(10)]
        act_for(None, user.id)
        for _ in range(50):
            assert len(await made.bus.execute(ListMyTenants())) == 1
        assert sum(login.done() for login in logins) < 10, "the reads waited for the logins"
        results = await asyncio.gather(*logins)
        assert all(isinstance(result, Ok) for result in results)


async def test_while_a_password_is_hashed_every_connection_is_idle(migrated: Urls, tmp_path: Path) -> None:
    async with services(migrated, tmp_path) as made:
        await made.bus.execute(RegisterUser(email="bo@example.com", name="Bo", password=PASSWORD))
        hashing = asyncio.Event()
        hasher = made.container.password_hasher
        verify = hasher.verify

        async def watched(password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
            hashing.set()
            return await verify(password, hashed, account=account, device=device)

        hasher.verify = watched
        login = asyncio.create_task(made.bus.execute(LogIn(email="bo@example.com", password=PASSWORD)))
        await hashing.wait()
        figures = made.ports.database.figures()
        assert figures.open == figures.idle
        assert isinstance(await login, Ok)
