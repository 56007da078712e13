"""One transaction: the call, then the subscribers to its events and to theirs, then the commit; and only then is anybody told."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import uuid4

import pytest

from api_base.application.common.middleware.unit_of_work import Transactions
from api_base.core.base import DomainEvent
from api_base.core.errors import RuleViolated
from api_base.core.protocols import Isolation
from api_base.core.types import Origin
from api_base.domain.common.events import Subscribers, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class First(DomainEvent):
    name = "tests.first.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Second(DomainEvent):
    name = "tests.second.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """What a subscriber that wants nothing of an event is handed."""


@dataclass
class Unit:
    """Notes how it ends. `recorded` is what aggregates recorded since the last look."""

    told: list[str]
    recorded: list[DomainEvent] = field(default_factory=list)

    def __call__(self, isolation: Isolation, origin: Origin | None) -> Self:
        self.told.append(f"begin {isolation.name}")
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.told.append("commit" if error is None else "roll back")

    def collect_events(self) -> list[DomainEvent]:
        found, self.recorded = self.recorded, []
        return found


class EventHarness:
    def __init__(self) -> None:
        self.told: list[str] = []
        self.unit, self.subscribers = Unit(self.told), Subscribers()
        self.transactions = Transactions(self.unit, self.subscribers, lambda: self.told.append("tell"))

    def subscribe(self, event: type[DomainEvent], handle: Callable[[Nothing], Awaitable[None]]) -> None:
        self.subscribers.add([Subscription(event.name, Nothing, handle)])

    def recording(self, event: DomainEvent) -> Callable[[], Awaitable[int]]:
        async def call() -> int:
            self.told.append("call")
            self.unit.recorded.append(event)
            return 7

        return call


async def test_subscribers_and_those_to_what_they_cause_come_before_the_commit_and_whoever_waits_is_told_after_it() -> None:
    house = EventHarness()

    async def cause(payload: Nothing) -> None:
        house.told.append("first heard")
        house.unit.recorded.append(Second(aggregate_id=uuid4()))

    async def hear(payload: Nothing) -> None:
        house.told.append("second heard")

    house.subscribe(First, cause)
    house.subscribe(Second, hear)
    assert await house.transactions.run(Isolation.SERIALIZABLE, house.recording(First(aggregate_id=uuid4()))) == 7
    assert house.told == ["begin SERIALIZABLE", "call", "first heard", "second heard", "commit", "tell"]


async def test_nobody_is_told_of_a_commit_without_events() -> None:
    house = EventHarness()

    async def call() -> None:
        house.told.append("call")

    await house.transactions.run(Isolation.OPTIMISTIC, call)
    assert house.told == ["begin OPTIMISTIC", "call", "commit"]


async def test_a_subscriber_that_refuses_takes_the_change_with_it() -> None:
    house = EventHarness()

    async def refuse(payload: Nothing) -> None:
        raise RuleViolated("not like this")

    house.subscribe(First, refuse)
    with pytest.raises(RuleViolated):
        await house.transactions.run(Isolation.OPTIMISTIC, house.recording(First(aggregate_id=uuid4())))
    assert house.told == ["begin OPTIMISTIC", "call", "roll back"]
