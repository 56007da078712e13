"""Passwords in each request are remembered within bounds, for the account and the stored hash that they were verified with."""

from dataclasses import dataclass, field
from uuid import UUID

import pytest

from api_base.application.auth.password_callers import VerifiedPasswords
from api_base.core.types import Principal, TenantId, UserId
from api_base.domain.auth.errors import LoginRefused
from api_base.domain.auth.repository import Credential


@dataclass
class Accounts:
    """Users by address, whose stored hash is their password."""

    users: dict[str, Credential] = field(default_factory=dict)
    verified: int = 0

    def add(self, number: int, *, password: str = "right", open: bool = True) -> str:
        email = f"user-{number}@example.com"
        self.users[email] = Credential(user_id=UserId(UUID(int=number)), password_hash=password, open=open)
        return email

    async def find(self, email: str) -> Credential | None:
        return self.users.get(email)

    async def renew(self, credential: Credential, new_hash: str) -> None:
        raise NotImplementedError

    async def first(self, user_id: UserId) -> TenantId | None:
        return TenantId(user_id)

    async def holds(self, user_id: UserId, tenant_id: TenantId) -> bool:
        return user_id == tenant_id

    async def hash(self, password: str) -> str:
        return password

    async def verify(self, password: str, hashed: str | None, *, account: str, device: UUID | None) -> tuple[bool, str | None]:
        self.verified += 1
        return password == hashed, None

    async def resolve(self, user_id: UserId, tenant_id: TenantId | None) -> Principal:
        return Principal.without_permissions(user_id, tenant_id)


def callers(accounts: Accounts, capacity: int = 3) -> VerifiedPasswords:
    return VerifiedPasswords(accounts, accounts, accounts, accounts, capacity)


async def test_the_one_that_was_used_longest_ago_is_verified_again() -> None:
    accounts = Accounts()
    found, emails = callers(accounts), [accounts.add(number) for number in range(1, 5)]
    for email in (*emails[:3], emails[0]):
        await found.verified(email, "right")
    assert accounts.verified == 3
    await found.verified(emails[3], "right")
    assert accounts.verified == 4
    await found.verified(emails[0], "right")
    assert accounts.verified == 4
    await found.verified(emails[1], "right")
    assert (accounts.verified, len(found._known)) == (5, 3)


async def test_wrong_and_changed_passwords_are_never_remembered() -> None:
    accounts = Accounts()
    found, email = callers(accounts), accounts.add(1)
    for number in range(1, 4):
        with pytest.raises(LoginRefused):
            await found.verified(email, "wrong")
        assert accounts.verified == number
    assert (await found.verified(email, "right")).user_id == UUID(int=1)
    accounts.add(1, password="another")
    with pytest.raises(LoginRefused):
        await found.verified(email, "right")
    assert (await found.verified(email, "another")).tenant_id == UUID(int=1)


async def test_an_account_that_is_not_open_is_refused_with_a_remembered_password() -> None:
    accounts = Accounts()
    found, email = callers(accounts), accounts.add(1)
    await found.verified(email, "right")
    accounts.add(1, open=False)
    with pytest.raises(LoginRefused):
        await found.verified(email, "right")
    assert accounts.verified == 1


async def test_an_unknown_address_is_verified_as_a_known_one() -> None:
    accounts = Accounts()
    with pytest.raises(LoginRefused) as refused:
        await callers(accounts).verified("nobody@example.com", "right")
    assert (accounts.verified, refused.value.account) == (1, None)


async def test_the_parts_of_credentials_are_not_confused() -> None:
    """`ab` with `c` is not `a` with `bc`."""
    accounts = Accounts()
    found = callers(accounts)
    accounts.users["ab"] = accounts.users["a"] = Credential(user_id=UserId(UUID(int=9)), password_hash="c", open=True)
    await found.verified("ab", "c")
    with pytest.raises(LoginRefused):
        await found.verified("a", "bc")
