"""Idempotency in the pipeline: a keyed request runs once, whoever carries it out; a refusal keeps nothing."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from api_base.application.common.cqrs import PUBLIC, Bus, Command, Query, on
from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.application.common.middleware.unit_of_work import Transactions, UnitOfWorkMiddleware
from api_base.core.base import DomainEvent
from api_base.core.errors import Conflict, IdempotencyKeyReused, ProgrammingError, RequestInProgress, Transient
from api_base.core.protocols import Isolation, StoredResult
from api_base.core.types import Err, KeyedExecution, KeyedRequest, Ok, Origin, Result, UserId, current_context
from api_base.domain.common.events import Subscribers
from tests.factories.auth import request_of
from tests.factories.pipeline import NoJobs

USER = UserId(uuid4())


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Command[int]):
    permission = PUBLIC
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum(Query[int]):
    permission = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCarefully(Command[None]):
    permission = PUBLIC
    isolation = Isolation.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAndTell(Command[int]):
    permission = PUBLIC
    isolation = Isolation.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess(Command[Result[int, Conflict]]):
    permission = PUBLIC


class Silent(Command):  # type: ignore[type-arg]
    permission = PUBLIC


class NoEvents:
    def collect_events(self) -> list[DomainEvent]:
        return []


@dataclass
class Memory:
    """An `IdempotencyStore`, and units of work whose commit makes what it was told to keep found."""

    found: dict[bytes, tuple[bytes, Any]] = field(default_factory=dict)
    pending: dict[bytes, tuple[bytes, Any]] = field(default_factory=dict)
    locked: set[bytes] = field(default_factory=set)
    asked: int = 0
    commits: list[Exception] = field(default_factory=list)

    def begin(self, isolation: Isolation, origin: Origin | None) -> AbstractAsyncContextManager[NoEvents]:
        return self._unit()

    @asynccontextmanager
    async def _unit(self) -> Any:
        self.pending = {}
        yield NoEvents()
        if self.commits:
            raise self.commits.pop()
        self.found |= self.pending

    async def lock(self, request: KeyedRequest) -> None:
        if request.key in self.locked:
            raise RequestInProgress

    async def find(self, request: KeyedRequest, answer: Any) -> StoredResult[Any] | None:
        self.asked += 1
        kept = self.found.get(request.key)
        if kept is None:
            return None
        if kept[0] != request.fingerprint:
            raise IdempotencyKeyReused
        return StoredResult(kept[1])

    async def keep[T](self, request: KeyedRequest, result: T, answer: Any) -> T:
        self.pending[request.key] = (request.fingerprint, result)
        return result


class World:
    """A sum, and a bus whose commands add to it. `before` is done before an orchestrating message sends its command."""

    def __init__(self) -> None:
        self.store, self.sum, self.refusals = Memory(), 0, list[Exception]()
        self.before: Callable[[], Awaitable[None]] | None = None
        transactions = Transactions(self.store.begin, Subscribers(), lambda: None)
        in_unit = UnitOfWorkMiddleware(transactions, IdempotencyMiddleware(self.store), NoJobs())
        self.bus = Bus([RetryMiddleware(first_delay=0), in_unit])
        self.bus.add(
            [
                on(Add, self),
                on(Sum, Summing(self)),
                on(AddCarefully, Careful(self)),
                on(AddAndTell, Careful(self)),
                on(Guess, Guessing(self)),
            ]
        )

    async def handle(self, message: Add) -> int:
        if self.refusals:
            raise self.refusals.pop()
        self.sum += message.number
        return self.sum

    async def send(self, message: Any, key: bytes = b"key", fingerprint: bytes = b"asked") -> tuple[Any, bool]:
        """The answer to a request with a key, and whether it is a replay."""
        execution = keyed(key, fingerprint)
        return await self.bus.execute(message), execution.replayed


class Guessing:
    """Wrong at first; each guess counts."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def handle(self, message: Guess) -> Result[int, Conflict]:
        self.world.sum += 1
        return Err(Conflict("wrong")) if self.world.sum == 1 else Ok(self.world.sum)


class Summing:
    def __init__(self, world: World) -> None:
        self.world = world

    async def handle(self, message: Sum) -> int:
        return self.world.sum


class Careful:
    def __init__(self, world: World) -> None:
        self.world = world

    async def handle(self, message: Command[Any]) -> None:
        if self.world.before is not None:
            await self.world.before()
        await self.world.bus.execute(Add())


def keyed(key: bytes = b"key", fingerprint: bytes = b"asked") -> KeyedExecution:
    """Make what follows in this task a request with a key."""
    request = KeyedRequest(tenant_id=None, user_id=USER, route="POST /sums", key=key, fingerprint=fingerprint)
    execution = KeyedExecution(request=request)
    request_of(None, execution)
    return execution


async def test_the_same_request_runs_once_and_says_so() -> None:
    world = World()
    assert [await world.send(Add()) for _ in range(3)] == [(1, False), (1, True), (1, True)]
    assert await world.send(Add(), key=b"another") == (2, False)
    assert world.sum == 2


async def test_a_request_without_a_key_asks_nothing() -> None:
    world = World()
    request_of(None)
    assert [await world.bus.execute(Add()) for _ in range(2)] == [1, 2]
    assert world.store.asked == 0


async def test_a_query_of_a_keyed_request_is_answered_anew() -> None:
    world = World()
    await world.send(Add())
    assert await world.send(Sum(), fingerprint=b"another") == (1, False)


async def test_another_request_under_the_same_key_is_refused() -> None:
    world = World()
    await world.send(Add())
    with pytest.raises(IdempotencyKeyReused):
        await world.send(Add(number=5), fingerprint=b"another")
    assert world.sum == 1


async def test_a_twin_does_not_wait() -> None:
    world = World()
    world.store.locked.add(b"key")
    with pytest.raises(RequestInProgress):
        await world.send(Add())
    assert (world.sum, world.store.asked) == (0, 0)


async def test_a_refusal_is_not_kept() -> None:
    world = World()
    world.refusals.append(Conflict("not now"))
    with pytest.raises(Conflict, match="not now"):
        await world.send(Add())
    assert await world.send(Add()) == (1, False)


async def test_a_refusal_that_commits_is_kept() -> None:
    world = World()
    (first, _), (again, replayed) = [await world.send(Guess()) for _ in range(2)]
    assert isinstance(first, Err)
    assert (again, replayed) == (first, True)
    assert await world.send(Guess(), key=b"another") == (Ok(2), False)


async def test_what_is_transient_is_tried_again_under_the_same_key() -> None:
    world = World()
    world.refusals.append(Transient("once more"))
    assert await world.send(Add()) == (1, False)
    world.store.commits.append(Transient("lost before the commit"))
    assert await world.send(Add(), key=b"another") == (3, False)


async def test_a_request_with_a_key_has_one_command() -> None:
    world = World()
    keyed()
    assert await world.bus.execute(Add()) == 1
    with pytest.raises(ProgrammingError, match="second command"):
        await world.bus.execute(Add())


async def test_who_orchestrates_is_not_asked_again() -> None:
    world = World()
    assert await world.send(AddCarefully()) == (None, False)
    assert await world.send(AddCarefully()) == (None, True)
    assert world.sum == 1


async def test_who_orchestrates_is_tried_again_after_a_refusal() -> None:
    world = World()
    world.refusals.append(Conflict("not now"))
    with pytest.raises(Conflict):
        await world.send(AddCarefully())
    assert await world.send(AddCarefully()) == (None, False)


async def test_a_twin_of_who_orchestrates_finds_it_done() -> None:
    """Whether its command comes too late, or its handler is refused for what the other has changed."""
    for refused in (False, True):
        world = World()

        async def twin(world: World = world, refused: bool = refused) -> None:
            world.before = None
            mine = current_context.get()
            await world.send(AddCarefully())
            current_context.set(mine)
            if refused:
                raise Conflict("the twin has changed it")

        world.before = twin
        assert await world.send(AddCarefully()) == (None, True)
        assert world.sum == 1


async def test_who_orchestrates_one_command_and_tells_of_it_cannot_be_replayed() -> None:
    world = World()
    with pytest.raises(ProgrammingError, match="AddAndTell commits before it has a result"):
        await world.send(AddAndTell())
    assert world.sum == 0


async def test_who_orchestrates_several_commands_is_told_at_the_second() -> None:
    world = World()

    async def another() -> None:
        await world.bus.execute(Add())

    world.before = another
    with pytest.raises(ProgrammingError, match="second command"):
        await world.send(AddCarefully(), key=uuid4().bytes)


def test_a_command_says_what_it_answers() -> None:
    with pytest.raises(ProgrammingError, match="Silent does not declare its result type"):
        World().bus.add([on(Silent, World())])
