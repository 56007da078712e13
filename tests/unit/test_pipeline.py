"""The pipeline: nobody runs what they may not; subscribers run by the event's name, in the transaction and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command, on
from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.middleware.unit_of_work import Transactions, UnitOfWorkMiddleware
from api_base.core.base import DomainEvent
from api_base.core.errors import ApiBaseError, Forbidden, ProgrammingError, Unauthenticated
from api_base.core.protocols import Isolation
from api_base.core.types import Origin, Principal
from api_base.domain.common.events import AnySubscription, DurableSubscription, Subscribers, Subscription
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from tests.factories.auth import principal, request_of
from tests.factories.pipeline import NoJobs, NoKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class Anybody(Command[str]):
    permission = PUBLIC


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Command[str]):
    permission = AUTHENTICATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Painting(Command[str]):
    permission = "walls:paint"


class Done:
    async def handle(self, message: Command[str]) -> str:
        return type(message).__name__


PAINTER = principal(permissions=frozenset({"walls:paint"}))


@pytest.mark.parametrize(
    ("who", "refusals"),
    [(None, [Unauthenticated, Unauthenticated]), (principal(), [Forbidden]), (PAINTER, [])],
    ids=["nobody", "somebody", "a painter"],
)
async def test_a_message_runs_for_who_has_its_permission(who: Principal | None, refusals: list[type[ApiBaseError]]) -> None:
    bus = Bus([PermissionMiddleware(RolePermissionChecker({"walls:paint": frozenset({"painter"})}))])
    bus.add([on(Anybody, Done()), on(SignedIn, Done()), on(Painting, Done())])
    request_of(who)
    found = []
    for message in (Anybody(), SignedIn(), Painting()):
        try:
            assert await bus.execute(message) == type(message).__name__
        except ApiBaseError as error:
            found.append(type(error))
    assert found == refusals


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted(DomainEvent):
    name = "walls.painted.v1"
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dried(DomainEvent):
    name = "walls.dried.v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """A payload of the subscriber's own: what it wants of the event, and nothing of its class."""

    aggregate_id: UUID
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    aggregate_id: UUID


WALL = uuid4()


class World:
    """One unit of work; `log` is what happened, in order."""

    def __init__(self, *subscriptions: AnySubscription) -> None:
        self.log, self.events = list[str](), list[DomainEvent]()
        self.subscribers = Subscribers()
        self.subscribers.add(subscriptions)
        transactions = Transactions(self.begin, self.subscribers, lambda: self.log.append("workers are told"))
        self.bus = Bus([UnitOfWorkMiddleware(transactions, IdempotencyMiddleware(NoKeys()), NoJobs())])
        self.bus.add([on(Painting, self)])

    def begin(self, isolation: Isolation, origin: Origin | None) -> Self:
        self.log.append(f"begin {isolation.value}")
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.log.append("commit" if kind is None else "roll back")

    def collect_events(self) -> Sequence[DomainEvent]:
        events, self.events = self.events, []
        return events

    async def handle(self, message: Painting) -> str:
        self.log.append("paint")
        self.events.append(Painted(aggregate_id=WALL, colour="blue"))
        return "painted"


async def test_subscribers_run_by_name_in_the_transaction_and_workers_are_told_after_it() -> None:
    async def mix(colour: Colour) -> None:
        world.log.append(f"in it: {colour.colour}")
        world.events.append(Dried(aggregate_id=colour.aggregate_id))

    async def note(dried: Nothing) -> None:
        world.log.append(f"in it: dried {dried.aggregate_id == WALL}")

    async def never(colour: Colour) -> None:
        raise AssertionError

    world = World(
        Subscription("walls.dried.v1", Nothing, note),
        Subscription("walls.painted.v1", Colour, mix),
        Subscription("walls.painted.v2", Colour, never),
        DurableSubscription(name="walls.admire", event="walls.painted.v1", payload=Colour, handle=never),
    )
    assert await world.bus.execute(Painting()) == "painted"
    assert world.log == ["begin optimistic", "paint", "in it: blue", "in it: dried True", "commit", "workers are told"]


async def test_a_subscriber_that_fails_in_the_transaction_undoes_it() -> None:
    async def fail(colour: Colour) -> None:
        raise Forbidden("not that colour")

    world = World(Subscription("walls.painted.v1", Colour, fail))
    with pytest.raises(Forbidden):
        await world.bus.execute(Painting())
    assert world.log[-1] == "roll back"


async def test_two_durable_subscriptions_of_one_name_are_refused() -> None:
    async def never(colour: Colour) -> None:
        raise AssertionError

    one, other = (DurableSubscription(name="walls.admire", event=f"walls.{n}.v1", payload=Colour, handle=never) for n in "ab")
    with pytest.raises(ProgrammingError, match=r"'walls\.admire'"):
        World(one, other)


async def test_a_payload_that_wants_what_the_event_does_not_have_is_named() -> None:
    async def never(colour: Colour) -> None:
        raise AssertionError

    with pytest.raises(ProgrammingError, match="Colour has the field 'colour', which the event walls.dried.v1 lacks"):
        await Subscription("walls.dried.v1", Colour, never).deliver(Dried(aggregate_id=WALL))
