"""Registering, changing a password, a profile, a status: what happens to the user, and what is refused."""

from datetime import timedelta
from uuid import uuid4

import pytest

from api_base.application.common.cqrs import Bus, on
from api_base.application.users.commands.change_password import (
    ChangePassword,
    ChangePasswordHandler,
    RenewPasswordHash,
    RenewPasswordHashHandler,
    SetPasswordHash,
    SetPasswordHashHandler,
)
from api_base.application.users.commands.create_user import CreateUser, CreateUserHandler
from api_base.application.users.commands.register_user import RegisterUser, RegisterUserHandler, RegistrationMode
from api_base.application.users.commands.set_user_status import SetUserStatus, SetUserStatusHandler
from api_base.application.users.commands.update_profile import UpdateProfile, UpdateProfileHandler
from api_base.bootstrap.contexts.identities import UserCredentials
from api_base.core.errors import Invalid, NotFound, StaleVersion
from api_base.core.types import Language, SessionId, UserId
from api_base.domain.auth.repository import Credential
from api_base.domain.users.entities import User, UserStatus
from api_base.domain.users.errors import AlreadyInStatus, EmailTaken, WrongPassword
from tests.factories.auth import principal, request_of
from tests.factories.memory import MemoryUsers
from tests.factories.security import PlainHasher, RefusingPolicy
from tests.factories.users import NOW, user
from tests.support import FixedClock, Ids


class World:
    def __init__(self, *users: User, password_hash: str = "hash", hasher: PlainHasher | None = None) -> None:
        self.clock, self.hasher, self.policy = FixedClock(NOW + timedelta(hours=1)), hasher or PlainHasher(), RefusingPolicy("easy")
        self.users = MemoryUsers(*users, password_hash=password_hash)
        self.bus = Bus([])
        self.bus.add(
            [
                on(CreateUser, CreateUserHandler(self.users, Ids(), self.clock)),
                on(RegisterUser, RegisterUserHandler(self.bus, self.hasher, self.policy, RegistrationMode.OPEN)),
                on(ChangePassword, ChangePasswordHandler(self.bus, self.users, self.hasher, self.policy)),
                on(SetPasswordHash, SetPasswordHashHandler(self.users, self.clock)),
                on(UpdateProfile, UpdateProfileHandler(self.users, self.clock)),
                on(SetUserStatus, SetUserStatusHandler(self.users, self.clock)),
                on(RenewPasswordHash, RenewPasswordHashHandler(self.users)),
            ]
        )
        if users:
            request_of(principal(user_id=UserId(users[0].id)))

    def first(self) -> User:
        return self.users.all()[0]

    def password_hash(self) -> str:
        return self.users.hashes[self.first().id]


REGISTER = RegisterUser(email=" Ana@Example.com ", name=" Ana ", password="right")


async def test_who_registers_is_kept_with_a_hash() -> None:
    world = World()
    answer = await world.bus.execute(REGISTER)
    assert (answer.email, answer.name) == ("ana@example.com", "Ana")
    assert (world.first().email.value, world.password_hash(), world.first().platform_admin) == (
        "ana@example.com",
        "hash of right",
        False,
    )
    assert world.policy.asked == [("ana@example.com", " Ana ")]
    assert world.users.events == ["users.registered.v1"]


async def test_a_known_address_is_told_where_registering_is_open() -> None:
    known = World(user(email="ana@example.com"), password_hash="hers")
    with pytest.raises(EmailTaken):
        await known.bus.execute(REGISTER)
    assert known.password_hash() == "hers"


@pytest.mark.parametrize(
    ("email", "name", "password", "pointer"),
    [("ana", "Ana", "right", "/email"), ("a@b.example", " ", "right", "/name"), ("a@b.example", "Ana", "easy", "/password")],
)
async def test_what_cannot_be_registered_is_named(email: str, name: str, password: str, pointer: str) -> None:
    world = World()
    with pytest.raises(Invalid) as refused:
        await world.bus.execute(RegisterUser(email=email, name=name, password=password))
    assert [violation.pointer for violation in refused.value.violations] == [pointer]
    assert world.users.all() == []


async def test_a_password_is_changed_by_who_knows_it() -> None:
    world = World(user(), password_hash="hash of old")
    await world.bus.execute(ChangePassword(current="old", new="right"))
    assert world.password_hash() == "hash of right"
    assert world.users.events == ["users.password_changed.v1"]


@pytest.mark.parametrize(("current", "new", "error"), [("wrong", "right", WrongPassword), ("old", "easy", Invalid)])
async def test_a_password_that_is_wrong_or_easy_changes_nothing(current: str, new: str, error: type[Exception]) -> None:
    world = World(user(), password_hash="hash of old")
    with pytest.raises(error):
        await world.bus.execute(ChangePassword(current=current, new=new))
    assert world.password_hash() == "hash of old"
    assert world.users.events == []


class Meddling(PlainHasher):
    """While it hashes, something else happens to the user."""

    world: World

    def __init__(self, then: UpdateProfile | SetPasswordHash) -> None:
        super().__init__()
        self.then = then

    async def hash(self, password: str) -> str:
        if password == "right":
            await self.world.bus.execute(self.then)
        return await super().hash(password)


async def meddled(who: User, then: UpdateProfile | SetPasswordHash) -> World:
    hasher = Meddling(then)
    hasher.world = World(who, password_hash="hash of old", hasher=hasher)
    await hasher.world.bus.execute(ChangePassword(current="old", new="right"))
    return hasher.world


async def test_another_change_of_the_user_meanwhile_does_not_hinder_a_change_of_password() -> None:
    world = await meddled(user(), UpdateProfile(expected_version=None, name="Anna"))
    assert world.password_hash() == "hash of right"


async def test_another_change_of_password_meanwhile_does() -> None:
    with pytest.raises(WrongPassword):
        await meddled(user(), SetPasswordHash(password_hash="other", verified_hash="hash of old"))


async def test_who_is_gone_changes_nothing() -> None:
    world = World()
    request_of(principal())
    with pytest.raises(NotFound):
        await world.bus.execute(ChangePassword(current="old", new="right"))
    with pytest.raises(WrongPassword):
        await world.bus.execute(SetPasswordHash(password_hash="x", verified_hash="y"))
    await world.bus.execute(RenewPasswordHash(user_id=UserId(uuid4()), new_hash="new", verified_hash="old"))


async def test_a_profile_is_changed_and_what_stays_the_same_is_not_saved() -> None:
    world = World(user(name="Ana"))
    for name in (None, "Ana", " Ana "):
        assert (await world.bus.execute(UpdateProfile(expected_version=1, name=name))).version == 1
    answer = await world.bus.execute(UpdateProfile(expected_version=1, name=" Anna "))
    assert (answer.name, answer.language, answer.version, answer.updated_at) == ("Anna", Language.EN, 2, world.clock.now())
    answer = await world.bus.execute(UpdateProfile(expected_version=2, language=Language.PT))
    assert (answer.name, answer.language, answer.version) == ("Anna", Language.PT, 3)
    with pytest.raises(StaleVersion):
        await world.bus.execute(UpdateProfile(expected_version=1, name="Ana"))


async def test_a_status_is_set_once() -> None:
    world = World(user())
    id = UserId(world.first().id)
    answer = await world.bus.execute(SetUserStatus(id=id, expected_version=1, status=UserStatus.DEACTIVATED))
    assert (answer.status, answer.version) == (UserStatus.DEACTIVATED, 2)
    with pytest.raises(AlreadyInStatus):
        await world.bus.execute(SetUserStatus(id=id, expected_version=None, status=UserStatus.DEACTIVATED))
    with pytest.raises(StaleVersion):
        await world.bus.execute(SetUserStatus(id=id, expected_version=1, status=UserStatus.ACTIVE))
    assert (await world.bus.execute(SetUserStatus(id=id, expected_version=2, status=UserStatus.ACTIVE))).status is UserStatus.ACTIVE
    with pytest.raises(NotFound):
        await world.bus.execute(SetUserStatus(id=UserId(uuid4()), expected_version=None, status=UserStatus.ACTIVE))


async def test_a_hash_is_renewed_unless_the_password_has_changed() -> None:
    world = World(user(), password_hash="old")
    id = UserId(world.first().id)
    await world.bus.execute(RenewPasswordHash(user_id=id, new_hash="new", verified_hash="older"))
    assert (world.password_hash(), world.first().version) == ("old", 1)
    await world.bus.execute(RenewPasswordHash(user_id=id, new_hash="new", verified_hash="old"))
    assert (world.password_hash(), world.users.events) == ("new", [])


async def test_a_current_password_is_tried_for_the_session() -> None:
    world = World(user(email="ana@example.com"), password_hash="hash of old")
    session = SessionId(uuid4())
    request_of(principal(user_id=UserId(world.first().id), session_id=session))
    with pytest.raises(WrongPassword):
        await world.bus.execute(ChangePassword(current="wrong", new="right"))
    assert world.hasher.tried == [("ana@example.com", session)]


class CountingUsers(MemoryUsers):
    """Counts the hashes that are read."""

    read = 0

    async def password_hash(self, user_id: UserId) -> str:
        self.read += 1
        return await super().password_hash(user_id)


async def test_the_credentials_of_an_unknown_address_cost_the_same_reads() -> None:
    users = CountingUsers(user(email="ana@example.com"), password_hash="hash of right")
    credentials = UserCredentials(users, Bus([]))
    known, unknown = await credentials.find("ana@example.com"), await credentials.find("bo@example.com")
    assert known == Credential(user_id=UserId(users.all()[0].id), password_hash="hash of right", open=True)
    assert unknown is None
    assert users.read == 2


def test_no_secret_shows() -> None:
    for message in (REGISTER, ChangePassword(current="right", new="right")):
        assert "right" not in repr(message)
