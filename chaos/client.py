"""A client: writes, retries unanswered requests, and sometimes repeats answered ones."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Final
from uuid import uuid4

from chaos.http import Answer, Request
from chaos.journal import Journal, described
from chaos.sender import Account, GaveUp, Sender
from chaos.writes import Write, Writes

TWINS: Final = 0.04
"""Share of the writes with a key that are sent twice concurrently."""
AGAIN: Final = 0.05
"""Share of the writes after which an older one is repeated."""
THINKING: Final = 0.2
"""Maximum seconds between writes: killed processes need the processor to start again."""
REMEMBERED: Final = 50
"""Number of acknowledged writes that a client remembers for repetition."""


class Client:
    """A user in a tenant of its own, so that no other client writes to its items."""

    def __init__(self, sender: Sender, journal: Journal, chance: random.Random) -> None:
        self._sender, self._journal, self._chance = sender, journal, chance
        self._writes = Writes(journal, chance)
        self._acknowledged: deque[tuple[Request, Answer]] = deque(maxlen=REMEMBERED)

    async def write_until(self, over: Callable[[], bool], ahead: Callable[[], bool]) -> None:
        """Write until the end. Stops early after a write with an unknowable outcome. Pauses before each write while `ahead` of the killer."""
        try:
            while not over():
                await self._sender.log_in()
                if ahead():
                    await asyncio.sleep(self._chance.uniform(0, THINKING))
                await self._write(self._writes.next())
                if self._acknowledged and self._chance.random() < AGAIN:
                    await self._replay(*self._chance.choice(self._acknowledged))
        except GaveUp:
            return

    async def replay_all(self) -> None:
        """Repeat a remembered write."""
        try:
            await self._sender.log_in()
            for request, answer in self._acknowledged:
                await self._replay(request, answer)
        except GaveUp:
            return

    async def _write(self, write: Write) -> None:
        request = write.request
        if request.key is not None and self._chance.random() < TWINS:
            (answer, unknown), (other, _) = await asyncio.gather(*(self._sender.write(request, lane=lane) for lane in (0, 1)))
            if answer.lasting != other.lasting:
                self._journal.violates("twins", f"{described(request, answer)} and {other.status} {str(other.body)[:300]}")
        else:
            answer, unknown = await self._sender.write(request)
        await self._acknowledge(write, answer, unknown)
        self._journal.acknowledged[write.kind] += 1
        self._journal.recovered += unknown
        if request.key is not None:
            self._acknowledged.append((request, answer))

    async def _acknowledge(self, write: Write, answer: Answer, unknown: bool) -> None:
        if answer.status < 400:
            write.acknowledge(answer)
        elif not (unknown and answer.problem in write.done_already):
            self._sender.refuse(write.request, answer)
        elif write.found is None:
            write.acknowledge(answer)
        else:
            now = await self._sender.ask(Request(method="GET", path=write.request.path))
            write.found(now.body) if now.status == 200 else self._sender.refuse(write.request, now)

    async def _replay(self, request: Request, answer: Answer) -> None:
        again = await self._sender.ask(request)
        self._journal.replays += 1
        if again.lasting != answer.lasting or again.headers.get("idempotency-replayed") != "true":
            self._journal.violates("replay", f"{described(request, again)}, and first {answer.status} {str(answer.body)[:300]}")


async def registered(sender: Sender) -> None:
    """Register the account. Raises `GaveUp`."""
    request = Request(method="POST", path="/api/v1/auth/register", body={**sender.account.credentials, "name": "Client"})
    answer = await sender.public(request)
    if answer.status != 201:
        sender.refuse(request, answer)


def account(number: int) -> Account:
    return Account(email=f"client-{number}-{uuid4().hex[:8]}@example.com", password=f"{uuid4().hex} goes to sea")
