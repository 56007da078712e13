"""Registration, invitation, password and session flows with a hostile second user: nobody holds what nobody with the right gave.

The people act in any order, the hostile ones with every address, link, password and token that they could have seen. Their permissions are
always those of an owner, as if every revocation were still on its way: only what commands check in their transaction protects. The model
decides what each may do; after each step the database holds what the model says, and nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest
from dependency_injector import providers
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from api_base.application.auth.commands.log_in import LogIn
from api_base.application.auth.commands.log_out import EndSession, LogOut
from api_base.application.auth.commands.refresh_session import RefreshSession
from api_base.application.tenants.commands.accept_invitation import AcceptInvitation, RegisterByInvitation
from api_base.application.tenants.commands.change_member_role import ChangeMemberRole
from api_base.application.tenants.commands.create_tenant import CreateTenant
from api_base.application.tenants.commands.invite_member import ACCEPT, InviteMember
from api_base.application.tenants.commands.remove_member import LeaveTenant, RemoveMember
from api_base.application.users.commands.change_password import ChangePassword
from api_base.application.users.commands.confirm_registration import CONFIRM, ConfirmRegistration
from api_base.application.users.commands.create_user import CreateUser
from api_base.application.users.commands.register_user import RegisterUser
from api_base.application.users.commands.request_password_reset import RESET, BeginPasswordReset
from api_base.application.users.commands.reset_password import ResetPassword
from api_base.application.users.commands.set_user_status import SetUserStatus
from api_base.bootstrap.container import Container
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.services import Services, build, opened
from api_base.core.errors import ApiBaseError
from api_base.core.types import Err, Ok, Principal, RequestContext, SessionId, TenantId, UserId, current_context
from api_base.domain.auth.refresh_token import RefreshToken
from api_base.domain.common.value_objects import EmailAddress
from api_base.domain.tenants.entities import MANAGERS, Role
from api_base.domain.users.entities import UserStatus
from api_base.infrastructure.db.embedded import Urls
from tests.application import settings_on
from tests.factories.security import PlainHasher, RefusingPolicy

PEOPLE: Final = ("ana", "bo", "mallory", "second")
"""Mallory reads the mail of the last two."""
MAILBOX: Final = {"ana": "ana", "bo": "bo", "mallory": "mallory", "second": "mallory"}
ACTORS: Final = ("ana", "bo", "mallory")
ALL: Final = frozenset({"tenants:read", "tenants:update", "tenants:manage_members", "platform:users"})
_worlds = count(1)

actor, person, role = st.sampled_from(ACTORS), st.sampled_from(PEOPLE), st.sampled_from(Role)


@dataclass
class Account:
    """`password` was chosen by the person who reads the mail of the address."""

    id: UUID
    password: str
    active: bool = True


@dataclass
class Invitation:
    id: UUID
    role: Role
    inviter: str


@dataclass
class Model:
    accounts: dict[str, Account] = field(default_factory=dict)
    members: dict[str, Role] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)
    sessions: dict[UUID, str] = field(default_factory=dict)
    """Open sessions, and whose they are."""

    def may_give(self, who: str, role: Role) -> bool:
        held = self.members.get(who)
        return held is Role.OWNER or (held is Role.ADMIN and role is not Role.OWNER)

    def owner_remains(self, who: str, role: Role | None) -> bool:
        owners = [name for name, held in self.members.items() if held is Role.OWNER]
        return role is Role.OWNER or owners != [who]

    def withdraw(self, who: str) -> None:
        """Drop what `who` may no longer send."""
        active = self.accounts[who].active
        kept = {to: one for to, one in self.invitations.items() if one.inviter != who or (active and self.may_give(who, one.role))}
        self.invitations = kept

    def end_sessions(self, who: str, kept: UUID | None = None) -> None:
        self.sessions = {id: of for id, of in self.sessions.items() if of != who or id == kept}


class Authority(RuleBasedStateMachine):
    def __init__(self, runner: asyncio.Runner, services: Services, owner: asyncpg.Connection) -> None:
        super().__init__()
        self._runner, self._services, self._database = runner, services, owner
        self._world, self.model = next(_worlds), Model()
        self.links: dict[str, dict[tuple[str, str], None]] = {name: {} for name in ACTORS}
        """In the order of their arrival: sorted by tokens, which are random, they would be others in each run."""
        self.tokens: dict[str, list[tuple[str, str]]] = {name: [] for name in ACTORS}
        self._passwords = count(1)

    # what people do

    def email(self, name: str) -> str:
        return f"{name}-{self._world}@example.com"

    def run[T](self, call: Callable[[], Awaitable[T]]) -> T:
        async def within() -> T:
            return await call()

        return self._runner.run(within())

    def send(self, message: Any, who: str | None = None, session: UUID | None = None, tenant: bool = True) -> Any:
        """What `who` gets: the answer, or None for a refusal."""
        account = None if who is None else self.model.accounts.get(who)
        principal = None
        if account is not None:
            principal = Principal(
                user_id=UserId(account.id),
                session_id=None if session is None else SessionId(session),
                tenant_id=TenantId(self.tenant) if tenant else None,
                role=None,
                platform_admin=False,
                permissions=ALL,
            )

        async def within() -> Any:
            current_context.set(RequestContext(request_id="machine", principal=principal))
            try:
                answer = await self._services.bus.execute(message)
            except ApiBaseError:
                return None
            answer = answer.value if isinstance(answer, Ok) else answer
            return None if isinstance(answer, Err) else (answer or True)

        return self._runner.run(within())

    def mail(self, name: str, kind: str, *ids: UUID) -> None:
        """The e-mail to an address reaches whoever reads it."""
        self.links[MAILBOX[name]][kind, self._services.ports.link_tokens.seal(kind, *ids)] = None

    def fetch(self, sql: str, *values: object) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = self.run(lambda: self._database.fetch(sql, *values))
        return rows

    def linked(self, kind: str) -> bool:
        """Whether anybody has read a link of this kind."""
        return any(link[0] == kind for links in self.links.values() for link in links)

    def password_of(self, who: str) -> str:
        return f"{who} chose {next(self._passwords)}"

    @initialize(bo=st.none() | role, mallory=st.none() | role, second=st.booleans())
    def found(self, bo: Role | None, mallory: Role | None, second: bool) -> None:
        """Ana owns a tenant, and the others have accounts."""
        self.tenant = uuid4()
        for name in PEOPLE if second else ACTORS:
            password = self.password_of(MAILBOX[name])
            command = CreateUser(email=EmailAddress(self.email(name)), name=name, password_hash=f"hash of {password}")
            self.model.accounts[name] = Account(self.send(command).id, password)
        self.tenant = self.send(CreateTenant(name="Acme", slug=f"acme-{self._world}"), "ana", tenant=False).id
        self.model.members["ana"] = Role.OWNER
        for name, held in (("bo", bo), ("mallory", mallory)):
            if held is not None:
                made = self.send(InviteMember(tenant_id=self.tenant, email=self.email(name), role=held), "ana")
                token = self._services.ports.link_tokens.seal(ACCEPT, self.tenant, made.id)
                assert self.send(AcceptInvitation(token=token), name, tenant=False) is not None
                self.model.members[name] = held

    @precondition(lambda self: not self.linked(CONFIRM))
    @rule(name=person)
    def register(self, name: str) -> None:
        """Anybody registers any address."""
        assert self.send(RegisterUser(email=self.email(name), name="Somebody")) is not None
        (row,) = self.fetch("select id from registrations where email = $1 and used_at is null", self.email(name))
        if name not in self.model.accounts:
            self.mail(name, CONFIRM, row["id"])

    @precondition(lambda self: self.linked(CONFIRM))
    @rule(who=actor, data=st.data())
    def confirm(self, who: str, data: st.DataObject) -> None:
        kind, token = self._link(who, CONFIRM, data)
        if not kind:
            return
        password = self.password_of(who)
        done = self.send(ConfirmRegistration(token=token, password=password))
        self.links[who].pop((kind, token), None)
        made = self._new_accounts(password)
        assert (done is not None) == (len(made) == 1)
        assert all(MAILBOX[name] == who for name in made), "somebody else's address"

    @rule(data=st.data(), name=person, role=role)
    def invite(self, data: st.DataObject, name: str, role: Role) -> None:
        who = self._anybody(data)
        pending = self.model.invitations.get(name)
        allowed = (
            self.model.accounts[who].active
            and self.model.may_give(who, role)
            and (pending is None or self.model.may_give(who, pending.role))
        )
        made = self.send(InviteMember(tenant_id=self.tenant, email=self.email(name), role=role), who)
        assert (made is not None) == allowed
        if made is not None:
            self.model.invitations[name] = Invitation(made.id, role, who)
            self.mail(name, ACCEPT, self.tenant, made.id)

    @precondition(lambda self: self.linked(ACCEPT))
    @rule(who=actor, data=st.data())
    def accept(self, who: str, data: st.DataObject) -> None:
        """With any account of one's own."""
        kind, token = self._link(who, ACCEPT, data)
        account = data.draw(st.sampled_from([name for name in PEOPLE if MAILBOX[name] == who]))
        if kind and account in self.model.accounts:
            to = self._invited(token)
            allowed = self._admits(to, account) and self.model.accounts[account].active and account not in self.model.members
            done = self.send(AcceptInvitation(token=token), account, tenant=False)
            assert (done is not None) == allowed
            if done is not None and to is not None:
                self.model.members[account] = self.model.invitations.pop(to).role

    @precondition(lambda self: self.linked(ACCEPT))
    @rule(who=actor, data=st.data())
    def register_by_invitation(self, who: str, data: st.DataObject) -> None:
        kind, token = self._link(who, ACCEPT, data)
        if kind:
            to, password = self._invited(token), self.password_of(who)
            allowed = to is not None and self._admits(to, to) and to not in self.model.accounts
            done = self.send(RegisterByInvitation(token=token, name="New", password=password))
            assert (done is not None) == allowed
            if done is not None and to is not None:
                assert list(self._new_accounts(password)) == [to]
                self.model.members[to] = self.model.invitations.pop(to).role

    @rule(data=st.data(), role=role)
    def change_role(self, data: st.DataObject, role: Role) -> None:
        who, name = self._anybody(data), self._anybody(data)
        held = self.model.members.get(name)
        target = UserId(self.model.accounts[name].id)
        done = self.send(ChangeMemberRole(tenant_id=self.tenant, user_id=target, expected_version=None, role=role), who)
        allowed = who in self.model.members and who in self.model.accounts and held is not None
        if allowed and held is not role and held is not None:
            allowed = self.model.may_give(who, held) and self.model.may_give(who, role) and self.model.owner_remains(name, role)
        assert (done is not None) == allowed
        if done is not None:
            self.model.members[name] = role
            self.model.withdraw(name)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        who, name = self._anybody(data), self._anybody(data)
        held = self.model.members.get(name)
        target = UserId(self.model.accounts[name].id)
        done = self.send(RemoveMember(tenant_id=self.tenant, user_id=target, expected_version=None), who)
        assert (done is not None) == (held is not None and self.model.may_give(who, held) and self.model.owner_remains(name, None))
        self._gone(done, name)

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        who = self._anybody(data)
        done = self.send(LeaveTenant(tenant_id=self.tenant), who)
        assert (done is not None) == (who in self.model.members and self.model.owner_remains(who, None))
        self._gone(done, who)

    @rule(name=person, active=st.booleans())
    def set_status(self, name: str, active: bool) -> None:
        """An administrator of the platform does."""
        account = self.model.accounts.get(name)
        if account is not None and account.active is not active:
            status = UserStatus.ACTIVE if active else UserStatus.DEACTIVATED
            assert self.send(SetUserStatus(id=UserId(account.id), expected_version=None, status=status), name) is not None
            account.active = active
            if not active:
                self.model.withdraw(name)
                self.model.end_sessions(name)

    @rule(who=actor, name=person, own=st.booleans())
    def log_in(self, who: str, name: str, own: bool) -> None:
        """With a password that one has chosen: for the account, or for another."""
        account = self.model.accounts.get(name)
        password = account.password if own and account is not None and MAILBOX[name] == who else f"{who} chose 1"
        tokens = self.send(LogIn(email=self.email(name), password=password))
        assert (tokens is not None) == (account is not None and account.active and account.password == password)
        if tokens is not None:
            parsed = RefreshToken.parse(tokens.refresh_token)
            assert parsed is not None
            self.model.sessions[parsed.session_id] = name
            self.tokens[who].append((name, tokens.refresh_token))

    @precondition(lambda self: any(self.tokens.values()))
    @rule(who=actor, back=st.integers(0, 3))
    def refresh(self, who: str, back: int) -> None:
        """With a newer or older token: an old one ends the session."""
        if not self.tokens[who]:
            return
        name, token = self.tokens[who][-1 - min(back, len(self.tokens[who]) - 1)]
        parsed = RefreshToken.parse(token)
        assert parsed is not None
        fresh = self.send(RefreshSession(refresh_token=token))
        assert fresh is None or parsed.session_id in self.model.sessions
        if fresh is None:
            self.model.sessions.pop(parsed.session_id, None)
        else:
            self.tokens[who].append((name, fresh.refresh_token))

    @precondition(lambda self: self.model.sessions)
    @rule(who=actor, data=st.data())
    def end_session(self, who: str, data: st.DataObject) -> None:
        """Of anybody: the ids of sessions are no secret."""
        if self.model.sessions and who in self.model.accounts:
            id = data.draw(st.sampled_from(list(self.model.sessions)))
            done = self.send(EndSession(id=id), who)
            assert (done is not None) == (self.model.sessions[id] == who)
            if done is not None:
                del self.model.sessions[id]

    @precondition(lambda self: self.model.sessions)
    @rule(who=actor)
    def log_out_everywhere(self, who: str) -> None:
        if who in self.model.accounts:
            self.send(LogOut(everywhere=True), who)
            self.model.end_sessions(who)

    @precondition(lambda self: self.model.sessions)
    @rule(who=actor, name=person, data=st.data())
    def change_password(self, who: str, name: str, data: st.DataObject) -> None:
        """In a session of one's own, or in one that was stolen, with the passwords that one has chosen."""
        account = self.model.accounts.get(name)
        mine = [id for id, of in self.model.sessions.items() if of == name]
        if account is None or not mine:
            return
        session, new = data.draw(st.sampled_from(mine)), self.password_of(who)
        current = account.password if MAILBOX[name] == who else f"{who} chose 1"
        done = self.send(ChangePassword(current=current, new=new), name, session)
        assert (done is not None) == (MAILBOX[name] == who)
        if done is not None:
            account.password = new
            self.model.end_sessions(name, session)

    @precondition(lambda self: not self.linked(RESET))
    @rule(name=person)
    def forget_password(self, name: str) -> None:
        """Anybody asks for a link; the job finds the account."""
        account = self.model.accounts.get(name)
        if account is not None and account.active:
            id = self.send(BeginPasswordReset(id=uuid4(), user_id=UserId(account.id)))
            self.mail(name, RESET, account.id, id)

    @precondition(lambda self: self.linked(RESET))
    @rule(who=actor, data=st.data())
    def reset_password(self, who: str, data: st.DataObject) -> None:
        kind, token = self._link(who, RESET, data)
        if kind:
            opened = self._services.ports.link_tokens.open(RESET, token)
            assert opened is not None
            (name,) = [name for name, account in self.model.accounts.items() if account.id == opened[0]]
            password = self.password_of(who)
            if self.send(ResetPassword(token=token, password=password)) is not None:
                assert MAILBOX[name] == who
                self.model.accounts[name].password = password
                self.model.end_sessions(name)
            self.links[who].pop((kind, token), None)

    # what there is

    @invariant()
    def the_database_holds_what_was_given(self) -> None:
        if not self.model.members:
            return
        names = {account.id: name for name, account in self.model.accounts.items()}
        pattern = f"%-{self._world}@example.com"
        users = self.fetch("select id, email, hash, status from users join user_passwords on user_id = id where email like $1", pattern)
        assert {(row["id"], row["hash"], row["status"] == "active") for row in users} == {
            (account.id, f"hash of {account.password}", account.active) for account in self.model.accounts.values()
        }
        members = self.fetch("select user_id, role from memberships where tenant_id = $1", self.tenant)
        assert {names[row["user_id"]]: row["role"] for row in members} == self.model.members
        pending = self.fetch("select id, email, role from invitations where tenant_id = $1 and accepted_at is null", self.tenant)
        assert {(row["id"], row["email"], row["role"]) for row in pending} == {
            (one.id, self.email(to), one.role) for to, one in self.model.invitations.items()
        }
        sessions = self.fetch("select id, user_id from sessions where user_id = any($1) and revoked_at is null", list(names))
        assert {row["id"]: names[row["user_id"]] for row in sessions} == self.model.sessions

    def _anybody(self, data: st.DataObject) -> str:
        """Mostly a member, sometimes somebody else with an account."""
        members = sorted(self.model.members)
        return data.draw(st.sampled_from([*members, *members, *sorted(self.model.accounts)]))

    def _link(self, who: str, kind: str, data: st.DataObject) -> tuple[str, str]:
        """One of the links that `who` has read; used invitations among them."""
        known = [link for link in self.links[who] if link[0] == kind]
        return data.draw(st.sampled_from(known)) if known else ("", "")

    def _invited(self, token: str) -> str | None:
        """The address of the pending invitation that a token names."""
        named = self._services.ports.link_tokens.open(ACCEPT, token)
        assert named is not None
        return next((to for to, one in self.model.invitations.items() if one.id == named[1]), None)

    def _admits(self, to: str | None, account: str) -> bool:
        if to is None:
            return False
        invitation = self.model.invitations[to]
        inviter = self.model.accounts[invitation.inviter]
        bound = invitation.role not in MANAGERS or to == account
        return bound and inviter.active and self.model.may_give(invitation.inviter, invitation.role)

    def _new_accounts(self, password: str) -> dict[str, Account]:
        rows = self.fetch("select id, email from users where email like $1", f"%-{self._world}@example.com")
        known = {account.id for account in self.model.accounts.values()}
        made = {row["email"].partition("-")[0]: Account(row["id"], password) for row in rows if row["id"] not in known}
        self.model.accounts |= made
        return made

    def _gone(self, done: Any, name: str) -> None:
        if done is not None:
            del self.model.members[name]
            self.model.withdraw(name)


@pytest.fixture
def plain_passwords() -> Iterator[None]:
    """Hashes that can be read, without argon2's cost."""
    with (
        Container.password_hasher.override(providers.Object(PlainHasher())),
        Container.password_policy.override(providers.Object(RefusingPolicy())),
    ):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("plain_passwords")
def test_nobody_holds_what_nobody_with_the_right_gave(migrated: Urls) -> None:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()

        async def open_all() -> tuple[Services, asyncpg.Connection]:
            current_context.set(RequestContext(request_id="machine"))
            made = build(settings_on(migrated, auth={"registration": "verified"}), BUILT_IN)
            services = await stack.enter_async_context(opened(made))
            owner = await asyncpg.connect(migrated.owner)
            stack.push_async_callback(owner.close)
            return services, owner

        services, owner = runner.run(open_all())
        try:
            run_state_machine_as_test(  # type: ignore[no-untyped-call]
                partial(Authority, runner, services, owner),
                settings=settings(max_examples=60, stateful_step_count=50, suppress_health_check=list(HealthCheck), derandomize=False),
            )
        finally:
            runner.run(stack.aclose())
