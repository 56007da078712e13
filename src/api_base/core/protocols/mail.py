"""E-mail."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """An e-mail to one address. `key` is the same in every attempt to send the same e-mail: its Message-ID is derived from it.

    `text` and `html` have the same content and may hold links that log the reader in: they never appear in a log.
    """

    key: str
    to: str
    language: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Mailer(Protocol):
    """Passes e-mail to a mail server."""

    async def send(self, mail: Mail) -> None:
        """Returns once the server has accepted it.

        Raises `MailRefused` if the server never accepts it, `Unavailable` if a retry may succeed.

        After `Unavailable` the server may have accepted it: a retry can make a second copy, under the same Message-ID.
        """
