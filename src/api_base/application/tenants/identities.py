"""What this context asks of users, whom it knows by their ids alone."""

from typing import Protocol

from api_base.core.types import Language, UserId


class Identities(Protocol):
    """The users' side of becoming a member."""

    async def id_of(self, email: str) -> UserId | None:
        """The active user with this address."""
        ...

    async def language_of(self, email: str) -> Language | None:
        """The language of the active user with this address."""
        ...

    async def prepared(self, email: str, name: str, password: str) -> str:
        """The hash of a password that is good enough for who registers so. Raises `Invalid`."""
        ...

    async def register(self, email: str, name: str, password_hash: str, language: Language) -> UserId:
        """Make a user in the open unit of work, which raises an error where the address has one. Raises `Invalid`."""
        ...
