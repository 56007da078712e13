"""What stands in a test for the world outside: a mailbox and a clock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from api_base.bootstrap.adapters import Adapters
from api_base.bootstrap.context import Context
from api_base.core.di import Adapter
from api_base.core.protocols import Clock, Mail, Mailer
from api_base.infrastructure.adapter_ports import AdapterPorts


class MovedClock(Clock):
    """The time of the machine, moved by the test. PostgreSQL has a clock of its own: what its statements compare with `now()` does not move."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """Return the moved time."""
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        """Move the clock."""
        self._ahead += by


@dataclass
class Mailbox(Mailer):
    """Keeps each e-mail that is sent."""

    mails: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        """Keep it."""
        self.mails.append(mail)

    async def check(self) -> str:
        """Never fails."""
        return "the mailbox of a test"

    def to(self, address: str) -> list[Mail]:
        """The mails to an address, in the order in which they were sent."""
        return [mail for mail in self.mails if mail.to == address]

    @property
    def context(self) -> Context:
        """The context that selects this mailbox for `MAIL__URL=mailbox://`."""
        adapter: Adapter[AdapterPorts, Mailer] = Adapter(
            build=lambda ports: self, url="mailbox://", summary="Keeps each e-mail for a test.", validate=lambda url: None
        )
        return Context(name="mailbox", adapters=Adapters(mail={"mailbox": adapter}))
