"""Logging in: who may comes in, everybody else learns nothing, and what failed is counted."""

from dataclasses import replace
from uuid import uuid4

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
ANA = Credential(user_id=UserId(uuid4()), password_hash="hash of right", open=True, settled=True)


class Users:
    """The port `Credentials` over one user; `recorded` is what logging in told."""

    def __init__(self, credential: Credential | None) -> None:
        self.credential, self.recorded, self.found = credential, list[object](), 0

    async def find(self, email: str) -> Credential | None:
        self.found += 1
        return self.credential if email == "ana@example.com" else None

    async def failed(self, user_id: UserId) -> None:
        self.recorded.append(("failed", user_id))

    async def succeeded(self, user_id: UserId, new_hash: str | None) -> None:
        self.recorded.append(("succeeded", user_id, new_hash))


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
        self.bus.add(
            [
                on(LogIn, LogInHandler(self.bus, self.users, Members(), self.hasher, self.after_response)),
                on(
                    StartSession,
                    StartSessionHandler(
                        self.sessions,
                        KnownDevices(self.bus, self.devices, self.jobs, clock, self.after_response),
                        SessionTokens(ReadableIssuer(clock), clock),
                        Ids(),
                        clock,
                        LIFETIME,
                    ),
                ),
            ]
        )

    async def log_in(self, password: str = "right", email: str = "ana@example.com") -> TokensDTO | str:
        current_context.set(RequestContext(request_id="test"))
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
    ("credential", "password", "recorded"),
    [
        (None, "right", []),
        (ANA, "wrong", [("failed", ANA.user_id)]),
        (replace(ANA, open=False), "right", []),
        (replace(ANA, open=False), "wrong", [("failed", ANA.user_id)]),
    ],
    ids=["unknown", "wrong password", "closed", "closed, wrong password"],
)
async def test_whatever_is_wrong_is_answered_alike_after_one_verification(
    credential: Credential | None, password: str, recorded: list[object]
) -> None:
    world = World(credential)
    assert await world.log_in(password) == await World(None).log_in(password)
    assert world.hasher.verified == [None if credential is None else credential.password_hash]
    assert world.users.found == 2
    assert world.sessions.all() == []
    (refused,) = world.refused
    assert (refused.action, refused.account) == ("login", None if credential is None else credential.user_id)
    assert world.users.recorded == [], "the time it takes would tell who exists"
    await world.after_response.run()
    assert world.users.recorded == recorded


class Meanwhile(PlainHasher):
    """While it verifies, `becomes` happens to the account."""

    def __init__(self, becomes: Credential | None) -> None:
        super().__init__()
        self.becomes = becomes
        self.users: Users

    async def verify(self, password: str, hashed: str | None) -> tuple[bool, str | None]:
        self.users.credential = self.becomes
        return await super().verify(password, hashed)


@pytest.mark.parametrize("becomes", [None, replace(ANA, open=False), replace(ANA, password_hash="hash of another")])
async def test_what_happens_while_the_password_is_verified_counts(becomes: Credential | None) -> None:
    hasher = Meanwhile(becomes)
    world = World(ANA, hasher=hasher)
    hasher.users = world.users
    assert await world.log_in("right") == await World(None).log_in()
    assert world.after_response.actions == []


@pytest.mark.parametrize(
    ("settled", "new_hash", "recorded"),
    [(False, None, [("succeeded", ANA.user_id, None)]), (True, "dearer", [("succeeded", ANA.user_id, "dearer")])],
)
async def test_a_success_is_told_where_it_changes_something(settled: bool, new_hash: str | None, recorded: list[object]) -> None:
    world = World(replace(ANA, settled=settled), hasher=PlainHasher(new_hash))
    assert isinstance(await world.log_in(), TokensDTO)
    assert world.users.recorded == recorded


def test_a_password_does_not_show() -> None:
    assert "right" not in repr(LogIn(email="ana@example.com", password="right"))


async def test_tokens_do_not_show() -> None:
    tokens = await World().log_in()
    assert isinstance(tokens, TokensDTO)
    assert tokens.access_token not in repr(tokens)
    assert tokens.refresh_token not in repr(tokens)
