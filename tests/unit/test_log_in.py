"""Logging in: who may comes in, everybody else learns nothing, and what failed is counted."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from api_base.application.auth.commands.known_devices import KnownDevices
from api_base.application.auth.commands.log_in import LogIn, LogInHandler, StartSession, StartSessionHandler
from api_base.application.auth.dtos import SessionTokens, TokensDTO
from api_base.application.common.cqrs import Bus, on
from api_base.core.types import Err, Ok, RequestContext, TenantId, UserId, current_context
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.auth.refresh_token import RefreshToken
from api_base.domain.auth.repository import Credential
from tests.factories.auth import LIFETIME
from tests.factories.mail import MemoryJobs
from tests.factories.memory import MemoryDevices, MemorySessions
from tests.factories.pipeline import ActionList
from tests.factories.security import PlainHasher, ReadableIssuer, readable
from tests.support import FixedClock, Ids

TENANT = TenantId(uuid4())
ANA = Credential(user_id=UserId(uuid4()), password_hash="hash of right", open=True)


class Users:
    """The port `Credentials` over one user; `recorded` is what logging in told."""

    def __init__(self, credential: Credential | None) -> None:
        self.credential, self.recorded, self.found = credential, list[object](), 0

    async def find(self, email: str) -> Credential | None:
        self.found += 1
        return self.credential if email == "ana@example.com" else None

    async def renew(self, credential: Credential, new_hash: str) -> None:
        self.recorded.append((credential.user_id, new_hash))


class Members:
    async def first(self, user_id: UserId) -> TenantId | None:
        return TENANT if user_id == ANA.user_id else None

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool:
        raise AssertionError("a login without a wish asks for the first")


class World:
    def __init__(self, credential: Credential | None = ANA, *, hasher: PlainHasher | None = None) -> None:
        clock = FixedClock()
        self.users, self.hasher, self.sessions = Users(credential), hasher or PlainHasher(), MemorySessions()
        self.clock, self.devices, self.jobs = clock, MemoryDevices(), MemoryJobs()
        self.after_response = ActionList()
        self.refused: list[LoginRefused] = []
        self.bus = Bus([])
        known = KnownDevices(self.bus, self.devices, self.jobs, clock, self.after_response)
        self.bus.add(
            [
                on(LogIn, LogInHandler(self.bus, self.users, Members(), self.hasher, known)),
                on(
                    StartSession,
                    StartSessionHandler(
                        self.sessions,
                        known,
                        SessionTokens(ReadableIssuer(clock), clock),
                        Ids(),
                        clock,
                        LIFETIME,
                    ),
                ),
            ]
        )

    async def log_in(self, password: str = "right", email: str = "ana@example.com", address: str = "") -> TokensDTO | str:
        current_context.set(RequestContext(request_id="test", address=address))
        result = await self.bus.execute(LogIn(email=email, password=password))
        match result:
            case Ok(tokens):
                return tokens
            case Err(refusal):
                self.refused.append(refusal)
                return str(refusal)


async def test_the_right_password_begins_a_session_in_the_first_tenant() -> None:
    world = World()
    tokens = await world.log_in()
    (session,) = world.sessions.all()
    assert isinstance(tokens, TokensDTO)
    assert tokens.access_token == readable(ANA.user_id, session.id, TENANT)
    assert (tokens.token_type, tokens.expires_in, tokens.tenant_id) == ("Bearer", 600, TENANT)
    refresh = RefreshToken.parse(tokens.refresh_token)
    assert refresh is not None
    assert (refresh.session_id, refresh.digest) == (session.id, session.digest)
    assert world.users.recorded == []
    assert world.refused == []


@pytest.mark.parametrize(
    ("credential", "password"),
    [(None, "right"), (ANA, "wrong"), (replace(ANA, open=False), "right"), (replace(ANA, open=False), "wrong")],
    ids=["unknown", "wrong password", "closed", "closed, wrong password"],
)
async def test_whatever_is_wrong_is_answered_alike_after_one_verification(credential: Credential | None, password: str) -> None:
    world = World(credential)
    assert await world.log_in(password) == await World(None).log_in(password)
    assert world.hasher.verified == [None if credential is None else credential.password_hash]
    assert world.hasher.tried == [("ana@example.com", None)]
    assert world.users.found == 2
    assert world.sessions.all() == []
    (refused,) = world.refused
    assert (refused.action, refused.account) == ("login", None if credential is None else credential.user_id)


async def test_a_device_is_known_after_a_login_and_only_for_its_user() -> None:
    world = World()
    await world.log_in(address="203.0.113.7")
    (device,) = world.devices.all()
    await world.log_in("wrong", address="203.0.113.8")
    await world.log_in("wrong", address="198.51.100.7")
    await world.log_in("wrong", " BO@example.com", address="203.0.113.7")
    assert world.hasher.tried == [
        ("ana@example.com", None),
        ("ana@example.com", device.id),
        ("ana@example.com", None),
        ("bo@example.com", None),
    ]


class Meanwhile(PlainHasher):
    """While it verifies, `becomes` happens to the account."""

    def __init__(self, becomes: Credential | None) -> None:
        super().__init__()
        self.becomes = becomes
        self.users: Users

    async def verify(self, password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
        self.users.credential = self.becomes
        return await super().verify(password, hashed, account=account, device=device)


@pytest.mark.parametrize("becomes", [None, replace(ANA, open=False), replace(ANA, password_hash="hash of another")])
async def test_what_happens_while_the_password_is_verified_counts(becomes: Credential | None) -> None:
    hasher = Meanwhile(becomes)
    world = World(ANA, hasher=hasher)
    hasher.users = world.users
    assert await world.log_in("right") == await World(None).log_in()
    assert world.sessions.all() == []


async def test_a_hash_with_other_parameters_is_renewed() -> None:
    world = World(hasher=PlainHasher("dearer"))
    assert isinstance(await world.log_in(), TokensDTO)
    assert world.users.recorded == [(ANA.user_id, "dearer")]


def test_a_password_does_not_show() -> None:
    assert "right" not in repr(LogIn(email="ana@example.com", password="right"))


async def test_tokens_do_not_show() -> None:
    tokens = await World().log_in()
    assert isinstance(tokens, TokensDTO)
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)
