"""Send a write until its outcome is known, as docs/idempotency.md requires of clients: the same request with the same key."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chaos.http import Answer, Connection, NoAnswer, Request
from chaos.journal import Journal, described
from chaos.processes import Process

RETRY_DELAY: Final = 0.05
MAX_RETRY_DELAY: Final = 1.0
"""Seconds before a request is retried: doubled each time, with jitter."""
GIVE_UP: Final = 120.0
"""Seconds after which a write without an acknowledgement is a violation."""
TOKEN_SECONDS: Final = 2400.0
"""Seconds after which a client logs in again, before its token expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    email: str
    password: str

    @property
    def credentials(self) -> dict[str, str]:
        """The body of a login."""
        return {"email": self.email, "password": self.password}


class GaveUp(Exception):
    """A write was not acknowledged in time; the state of its item is unknown."""


class Sender:
    """Sends the requests of one client to any server that is up."""

    def __init__(self, servers: Sequence[Process], account: Account, journal: Journal, chance: random.Random) -> None:
        self.account = account
        self._servers, self._journal, self._chance = servers, journal, chance
        self._connections: dict[tuple[str, int], Connection] = {}
        self._token, self._token_until = "", 0.0

    async def write(self, request: Request, *, lane: int = 0) -> tuple[Answer, bool]:
        """The response with the outcome, and whether an earlier attempt had an unknown outcome. Raises `GaveUp`.

        `lane` separates concurrent duplicates of a request: each has its own connections.
        """
        return await self._until_known(request, lane, counted=True)

    async def ask(self, request: Request) -> Answer:
        """The response to a request that changes nothing: a read, or a repeated write. Raises `GaveUp`."""
        answer, _ = await self._until_known(request, 0, counted=False)
        return answer

    async def _until_known(self, request: Request, lane: int, *, counted: bool) -> tuple[Answer, bool]:
        deadline, unknown, pause = time.monotonic() + GIVE_UP, False, RETRY_DELAY
        while time.monotonic() < deadline:
            answer = await self._attempt(request, lane, self._token, counted=counted)
            if answer is not None and answer.status < 500 and answer.problem != "request-in-progress":
                return answer, unknown
            if answer is None or answer.status >= 500:
                unknown = True
                self._journal.unknown += counted
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
            pause = min(pause * 2, MAX_RETRY_DELAY)
        self._journal.violates("never acknowledged", f"{request.method} {request.path} key={request.key}: not within {GIVE_UP:g} s")
        raise GaveUp

    async def _attempt(self, request: Request, lane: int, token: str | None, *, counted: bool) -> Answer | None:
        server = self._chance.choice([one for one in self._servers if one.ready] or list(self._servers))
        attempt = self._journal.attempt(server.name) if counted else None
        try:
            return await self._connection(server, lane).send(request, token)
        except NoAnswer:
            return None
        finally:
            if attempt is not None:
                attempt.ended = time.monotonic_ns()

    def _connection(self, server: Process, lane: int) -> Connection:
        assert server.port is not None  # every server has a port
        return self._connections.setdefault((server.name, lane), Connection(server.port))

    async def log_in(self) -> None:
        """Log in again if the access token has expired or will soon. Raises `GaveUp`."""
        if time.monotonic() >= self._token_until:
            answer = await self.public(Request(method="POST", path="/api/v1/auth/login", body=self.account.credentials))
            if answer.status != 200:
                self._journal.violates("refused", f"the login of {self.account.email} was answered {answer.status} {answer.body}")
                raise GaveUp
            self._token, self._token_until = answer.body["access_token"], time.monotonic() + TOKEN_SECONDS

    async def public(self, request: Request) -> Answer:
        """The response to a request that needs no token and may be repeated. Raises `GaveUp`."""
        deadline = time.monotonic() + GIVE_UP
        while time.monotonic() < deadline:
            answer = await self._attempt(request, 0, None, counted=False)
            if answer is not None and answer.status < 500:
                return answer
            await asyncio.sleep(MAX_RETRY_DELAY)
        self._journal.violates("never acknowledged", f"{request.method} {request.path}: not within {GIVE_UP:g} s")
        raise GaveUp

    def refuse(self, request: Request, answer: Answer) -> None:
        """Record a response that must not occur. Raises `GaveUp`."""
        self._journal.violates("refused", described(request, answer))
        raise GaveUp

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
