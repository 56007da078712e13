"""The port through which tenants reads and creates users. Tenants knows users only by their ids."""

from collections.abc import Sequence
from typing import Protocol

from api_base.core.types import Language, UserId
from api_base.domain.common.value_objects import EmailAddress


class Identities(Protocol):
    """Finds and registers users who become members."""

    async def id_of(self, email: str) -> UserId | None:
        """The id of the active user with this address, or None."""
        ...

    async def ids_of(self, emails: Sequence[EmailAddress]) -> dict[EmailAddress, UserId]:
        """The ids of the active users among those with these addresses."""
        ...

    async def email_of(self, user_id: UserId) -> EmailAddress | None:
        """The address of the active user with this id, or None."""
        ...

    async def language_of(self, email: str) -> Language | None:
        """The language of the active user with this address, or None."""
        ...

    async def prepared(self, email: str, name: str, password: str) -> str:
        """The hash of a new user's password. Raises `Invalid` if the password policy refuses it."""
        ...

    async def register(self, email: str, name: str, password_hash: str, language: Language) -> UserId:
        """Create a user in the open unit of work. Raises `Invalid`; the commit raises an error if the address is taken."""
        ...
