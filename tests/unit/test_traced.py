"""`@traced` on whatever can be called: the span lasts as long as the work, errors are recorded by type, values are not."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from api_base.core.shared import tracing
from api_base.core.shared.tracing import traced

SECRET = "a value of the request"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "TRACER", provider.get_tracer("test"))
    return exporter


def names(exporter: InMemorySpanExporter) -> list[str]:
    return [one.name for one in exporter.get_finished_spans()]


class Things:
    @traced(name="method")
    def method(self, number: int) -> int:
        return number

    @traced(name="below")
    @staticmethod
    def below(number: int) -> int:
        return number

    @staticmethod
    @traced(name="above")
    def above(number: int) -> int:
        return number

    @traced(name="class")
    @classmethod
    def of_class(cls, number: int) -> tuple[str, int]:
        return cls.__name__, number


def test_methods_of_every_kind(exporter: InMemorySpanExporter) -> None:
    assert (Things().method(1), Things.below(2), Things().below(2), Things.above(3), Things.of_class(4)) == (1, 2, 2, 3, ("Things", 4))
    assert names(exporter) == ["method", "below", "below", "above", "class"]
    assert Things.method.__name__ == "method"


def test_a_generator_is_current_only_while_it_runs(exporter: InMemorySpanExporter) -> None:
    inside: list[bool] = []

    @traced(name="numbers")
    def numbers() -> Iterator[int]:
        for number in range(2):
            inside.append(trace.get_current_span().get_span_context().is_valid)
            yield number

    for _ in numbers():
        assert not trace.get_current_span().get_span_context().is_valid
        assert names(exporter) == []
    assert (inside, names(exporter)) == ([True, True], ["numbers"])


def test_a_generator_receives_values_errors_and_its_end(exporter: InMemorySpanExporter) -> None:
    closed: list[bool] = []

    @traced(name="echo")
    def echo() -> Iterator[str]:
        received = "first"
        try:
            while True:
                try:
                    received = yield received
                except KeyError:
                    received = "caught"
        finally:
            closed.append(True)

    one = echo()
    assert (next(one), one.send("sent"), one.throw(KeyError()), closed) == ("first", "sent", "caught", [])  # type: ignore[attr-defined]
    one.close()  # type: ignore[attr-defined]
    assert closed == [True]
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.UNSET


async def test_an_async_generator(exporter: InMemorySpanExporter) -> None:
    @traced(name="numbers")
    async def numbers() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            assert trace.get_current_span().get_span_context().is_valid
            yield number
        raise ValueError(SECRET)

    found: list[int] = []
    with pytest.raises(ValueError, match=SECRET):
        async for number in numbers():
            assert not trace.get_current_span().get_span_context().is_valid
            found.append(number)
    (span,) = exporter.get_finished_spans()
    assert (found, span.status.status_code) == ([0, 1, 2], StatusCode.ERROR)


async def test_an_exception_is_recorded_without_its_message(exporter: InMemorySpanExporter) -> None:
    @traced(name="fails", attributes={"service": "orders"})
    async def fails() -> None:
        raise ValueError(SECRET)

    with pytest.raises(ValueError, match=SECRET):
        await fails()
    (span,) = exporter.get_finished_spans()
    assert span.attributes == {"service": "orders", "error.type": "ValueError"}
    (event,) = span.events
    assert event.attributes is not None
    assert (event.name, event.attributes["exception.type"]) == ("exception", "ValueError")
    assert SECRET not in span.to_json()


async def test_cancelled_work_is_marked(exporter: InMemorySpanExporter) -> None:
    began = asyncio.Event()

    @traced(name="waits")
    async def waits() -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = exporter.get_finished_spans()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, "cancelled", ())
