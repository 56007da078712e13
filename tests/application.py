"""The whole application in process, on a real database: what a server runs, without a socket. People to send requests as."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx2
from fastapi import FastAPI

from api_base.application.auth.commands.log_in import StartSession
from api_base.application.tenants.commands.invite_member import ACCEPT
from api_base.application.users.commands.confirm_registration import CONFIRM
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.commands.request_password_reset import RESET, BeginPasswordReset
from api_base.bootstrap.application import create_app
from api_base.bootstrap.context import Context
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services
from api_base.core.config import Settings
from api_base.core.protocols import Isolation
from api_base.core.types import Language, RequestContext, TenantId, UserId, current_context
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.users.registration import Registration
from api_base.infrastructure.db.embedded import Urls
from api_base.infrastructure.tenants.queries import SqlMemberships
from api_base.infrastructure.users.repository import SqlRegistrationRepository
from api_base.testing.backend import UNLIMITED
from api_base.testing.keys import pem

PASSWORD: Final = "correct horse battery staple 9"
_numbers = count(1)
_STORAGE: Final = TemporaryDirectory(prefix="storage-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A user with a session for a tenant: unless said otherwise the personal one, which they own."""

    id: UUID
    email: str
    tenant_id: UUID
    access_token: str
    refresh_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


@dataclass(frozen=True)
class Running:
    """An open application, and `services` on the same database to arrange what it finds there."""

    app: FastAPI
    services: Services

    @cached_property
    def client(self) -> httpx2.AsyncClient:
        return self.client_at("203.0.113.7")

    def client_at(self, address: str) -> httpx2.AsyncClient:
        """A client of this address. It holds nothing that would have to be closed."""
        transport = httpx2.ASGITransport(app=self.app, client=(address, 1234))
        return httpx2.AsyncClient(transport=transport, base_url="http://api.test")

    async def person(self, *, platform_admin: bool = False, password_hash: str = "none") -> Person:
        """A new user, logged in to the personal tenant."""
        current_context.set(RequestContext(request_id="arranging"))
        email = f"person-{next(_numbers)}@example.com"
        command = CreateUser(email=EmailAddress(email), name="Ana", password_hash=password_hash)
        user_id = UserId((await self.services.bus.execute(command)).id)
        if platform_admin:
            await self._appoint(user_id)
        tenant_id = await SqlMemberships(self.services.ports.database).first(user_id)
        assert tenant_id is not None
        return await self.logged_in(user_id, email, tenant_id)

    async def _appoint(self, user_id: UUID) -> None:
        owner = await asyncpg.connect(self.services.settings.database.url_of("owner"))
        await owner.execute("insert into platform_administrators values ($1)", user_id)
        await owner.close()

    async def logged_in(self, user_id: UUID, email: str, tenant_id: UUID) -> Person:
        """A new session of the user for the tenant."""
        current_context.set(RequestContext(request_id="arranging"))
        tokens = await self.services.bus.execute(StartSession(user_id=UserId(user_id), tenant_id=TenantId(tenant_id)))
        return Person(id=user_id, email=email, tenant_id=tenant_id, access_token=tokens.access_token, refresh_token=tokens.refresh_token)

    async def member(self, owner: Person, role: str) -> Person:
        """A new user, logged in to the owner's tenant with this role there."""
        person = await self.person()
        body = {"email": person.email, "role": role}
        added = await self.client.post(f"/api/v1/tenants/{owner.tenant_id}/members", json=body, headers=owner.headers)
        assert added.status_code == 201, added.text
        return await self.logged_in(person.id, person.email, owner.tenant_id)

    async def uploaded(self, person: Person, content: bytes, media_type: str = "text/csv") -> str:
        """The id of a new file of a person, which is ready to be read."""
        headers = {**person.headers, "Content-Type": media_type}
        answer = await self.client.post("/api/v1/files", params={"name": "file"}, content=content, headers=headers)
        assert (answer.status_code, answer.json().get("state")) == (201, "ready"), answer.text
        id: str = answer.json()["id"]
        return id

    async def registration(self, email: str) -> str:
        """The token of a registration that waits."""
        current_context.set(RequestContext(request_id="arranging"))
        container, registrations = self.services.container, SqlRegistrationRepository(self.services.ports.database)
        kept = Registration.begin(id=uuid4(), email=EmailAddress(email), name="Ana", language=Language.EN, now=container.clock.now())
        await container.transactions.run(Isolation.OPTIMISTIC, lambda: registrations.create(kept))
        token: str = container.link_tokens.seal(CONFIRM, kept.id)
        return token

    async def password_reset(self, person: Person) -> str:
        """The token of a password reset that a person asked for."""
        current_context.set(RequestContext(request_id="arranging"))
        id = await self.services.bus.execute(BeginPasswordReset(id=uuid4(), user_id=UserId(person.id)))
        token: str = self.services.container.link_tokens.seal(RESET, person.id, id)
        return token

    async def invitation(self, owner: Person) -> str:
        """The id of an invitation into the owner's tenant, to an address that nobody has."""
        body = {"email": f"invited-{next(_numbers)}@example.com", "role": "member"}
        made = await self.client.post(f"/api/v1/tenants/{owner.tenant_id}/invitations", json=body, headers=owner.headers)
        assert made.status_code == 201, made.text
        id: str = made.json()["id"]
        return id

    def invitation_token(self, owner: Person, invitation_id: str) -> str:
        """What stands in the link of an invitation into the owner's tenant."""
        token: str = self.services.container.link_tokens.seal(ACCEPT, owner.tenant_id, UUID(invitation_id))
        return token

    async def item(self, owner: Person, **changes: Any) -> dict[str, Any]:
        """A new item in the owner's tenant, as it was answered."""
        body = {"sku": f"MADE-{next(_numbers)}", "name": "Chair", "category": "furniture"} | changes
        made = await self.client.post("/api/v1/items", json=body, headers=owner.headers)
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown


def settings_on(urls: Urls, **sections: dict[str, Any]) -> Settings:
    """Settings for a database of the tests; limits are out of the way unless they are what a test is about."""
    database = {"url": urls.app, "owner_url": urls.owner, "worker_url": urls.worker, "direct_url": urls.direct}
    database |= {"pool_size": 5, "acquire_timeout_seconds": 30}
    storage = {"url": f"file://{_STORAGE.name}"}
    defaults = {"database": database, "storage": storage, "security": {"signing_keys": [pem()]}, "rate_limit": UNLIMITED}
    return Settings(_env_file=None, **{name: defaults.get(name, {}) | sections.get(name, {}) for name in defaults | sections})


@asynccontextmanager
async def running(settings: Settings, contexts: Sequence[Context] = BUILT_IN) -> AsyncIterator[Running]:
    app = create_app(settings, contexts)
    async with app.router.lifespan_context(app):
        yield Running(app, app.state.services)
