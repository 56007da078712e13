"""The bus: one handler per message, a pipeline composed at start, nothing for who may not."""

from dataclasses import dataclass
from typing import Any

import pytest

from api_base.application.common.cqrs import AUTHENTICATED, PUBLIC, Bus, Command, Query, on
from api_base.application.common.cqrs.bus import Call
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.core.errors import ProgrammingError, StaleVersion, Transient, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Double(Query[int]):
    permission = PUBLIC
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeclared(Query[int]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhandled(Command[None]):
    permission = AUTHENTICATED


class Doubler:
    def __init__(self, failures: int = 0) -> None:
        self.failures = failures

    async def handle(self, message: Double) -> int:
        if self.failures:
            self.failures -= 1
            raise Transient("once more")
        return 2 * message.number


class Recorded:
    def __init__(self, name: str, record: list[str]) -> None:
        self.name, self.record = name, record

    def __call__(self, message_type: type[Any], call_next: Call) -> Call:
        async def stage(message: Any) -> Any:
            self.record.append(self.name)
            return await call_next(message)

        return stage


async def test_stages_run_in_order_around_the_handler() -> None:
    record: list[str] = []
    bus = Bus([Recorded("first", record), Recorded("second", record)])
    bus.add([on(Double, Doubler())])
    assert await bus.execute(Double(number=21)) == 42
    assert record == ["first", "second"]


def test_a_second_handler_and_a_missing_permission_are_refused() -> None:
    bus = Bus([])
    bus.add([on(Double, Doubler())])
    with pytest.raises(ProgrammingError, match="two handlers"):
        bus.add([on(Double, Doubler())])
    with pytest.raises(ProgrammingError, match="declares no permission"):
        bus.add([on(Undeclared, Doubler())])


async def test_a_message_without_a_handler_is_named() -> None:
    with pytest.raises(ProgrammingError, match="Unhandled has no handler"):
        await Bus([]).execute(Unhandled())


async def test_what_is_transient_is_tried_again_and_not_for_ever() -> None:
    bus = Bus([RetryMiddleware(attempts=3, first_delay=0)])
    handler = Doubler(failures=2)
    bus.add([on(Double, handler)])
    assert await bus.execute(Double(number=1)) == 2
    handler.failures = 3
    with pytest.raises(Unavailable, match="Tried 3 times"):
        await bus.execute(Double(number=1))


class Failing:
    """Fails with each of `errors`, then succeeds."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def handle(self, message: Double) -> int:
        if self.errors:
            raise self.errors.pop(0)
        return 2 * message.number


async def test_the_pause_doubles_and_rows_that_changed_are_tried_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr("api_base.application.common.middleware.retry.asyncio.sleep", sleep)
    monkeypatch.setattr("api_base.application.common.middleware.retry.random.random", lambda: 0.5)
    changed = StaleVersion("item", 2, rows=[object()])
    bus = Bus([RetryMiddleware(attempts=8, first_delay=0.01)])
    bus.add([on(Double, Failing(Transient("a"), Transient("b"), changed, Transient("c"), changed))])
    assert await bus.execute(Double(number=1)) == 2
    assert pauses == pytest.approx([0.01, 0.02, 0.08])
