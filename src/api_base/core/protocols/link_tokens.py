"""Tokens that stand in links of mails: who has one has read the mail."""

from typing import Protocol
from uuid import UUID


class LinkTokens(Protocol):
    """A token is made of the ids of a row and of the server's key, so that what is stored is no token and a repeated mail has the same one."""

    def seal(self, purpose: str, *ids: UUID) -> str:
        """The token that names `ids`, good for `purpose` alone; fit for a URL."""
        ...

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        """The ids that a genuine token for `purpose` names; None for any other text."""
        ...
