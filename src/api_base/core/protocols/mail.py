"""Mail to people."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """`key` is the same each time the same mail is tried: its Message-ID is made of it. `text` and `html` say the same, and may hold
    links that let somebody in: they do not show in a log.
    """

    key: str
    to: str
    language: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Mailer(Protocol):
    """Hands mail over to whoever delivers it."""

    async def send(self, mail: Mail) -> None:
        """Returns once it was taken over. Raises `MailRefused` for what will never be taken, `Unavailable` where trying again may help.

        After `Unavailable` nobody may know whether it was taken: a second try can make a second copy, under the same Message-ID.
        """
        ...
