"""Mail, tokens and jobs that can be looked at, for tests of use cases."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from api_base.application.common.cqrs import Bus
from api_base.core.protocols import NO_DELAY, Mail


class KeepingMailer:
    """Keeps what it is sent; `failures` are raised first, one by one."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.failures: list[Exception] = []

    async def send(self, mail: Mail) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(mail)

    def told(self) -> list[tuple[str, str]]:
        """To whom which letter went."""
        return [(mail.to, mail.key.partition(".")[0]) for mail in self.sent]

    def token(self) -> str:
        """That of the last link."""
        return self.sent[-1].text.partition("#token=")[2].partition("\n")[0]


class ReadableTokens:
    """Link tokens that say in plain text what they are for."""

    def seal(self, purpose: str, *ids: UUID) -> str:
        return "~".join([purpose, *map(str, ids)])

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        named, *ids = token.split("~")
        return tuple(UUID(id) for id in ids) if named == purpose else None


class MemoryJobs:
    """Implements `JobQueue`: `queue` is what was enqueued and not carried out yet."""

    def __init__(self) -> None:
        self.queue: list[Any] = []
        self._known: dict[tuple[type[Any], str], UUID] = {}

    async def enqueue(self, message: Any, *, unique: str | None = None, delay: timedelta = NO_DELAY, priority: int = 0) -> UUID:
        key = type(message), unique or str(uuid4())
        if key not in self._known:
            self._known[key] = uuid4()
            self.queue.append(message)
        return self._known[key]

    async def work(self, bus: Bus) -> None:
        """Carry everything out, in order; what fails stays."""
        while self.queue:
            await bus.execute(self.queue[0])
            self.queue.pop(0)
