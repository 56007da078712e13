"""The recorder: nothing is lost, nothing waits, nothing of a sink's trouble reaches a request. The access log's lines."""

import asyncio
import io
import json
from dataclasses import replace
from uuid import uuid4

import pytest
from asyncpg.pgproto.pgproto import UUID as DatabaseUUID

from api_base.core.types import Principal, RequestContext, TenantId, UserId
from api_base.infrastructure.observability.access_log import AccessLog
from api_base.infrastructure.observability.counters import IN_PROGRESS, Counters
from api_base.infrastructure.observability.recorder import BATCH, BatchingRecorder, RequestRecord

USER, TENANT = UserId(uuid4()), TenantId(uuid4())
PRINCIPAL = Principal(user_id=USER, session_id=None, tenant_id=TENANT, role=None, platform_admin=False, permissions=frozenset())


class Kept:
    def __init__(self) -> None:
        self.batches: list[list[RequestRecord]] = []
        self.written = asyncio.Event()

    def write(self, records: list[RequestRecord]) -> None:
        self.batches.append(records)
        self.written.set()


class Broken:
    def write(self, records: list[RequestRecord]) -> None:
        raise BrokenPipeError("nobody reads")


def record(recorder: BatchingRecorder, number: int = 0) -> None:
    recorder.started()
    recorder.finished(RequestContext(request_id=f"r{number}"), "GET", "/x", 200, 0.0, 0.001)


async def test_a_single_request_is_written_soon() -> None:
    sink = Kept()
    recorder = BatchingRecorder(Counters(), (sink,))
    record(recorder)
    assert sink.batches == []
    await asyncio.wait_for(sink.written.wait(), 5)
    assert [len(batch) for batch in sink.batches] == [1]


async def test_a_full_batch_is_written_at_once_and_in_order() -> None:
    sink = Kept()
    recorder = BatchingRecorder(Counters(), (sink,))
    for i in range(2 * BATCH + 1):
        record(recorder, i)
    assert [len(batch) for batch in sink.batches] == [BATCH, BATCH]
    recorder.close()
    written = [one.context.request_id for batch in sink.batches for one in batch]
    assert written == [f"r{i}" for i in range(2 * BATCH + 1)]


async def test_a_sink_that_fails_disturbs_nobody() -> None:
    sink = Kept()
    recorder = BatchingRecorder(Counters(), (Broken(), sink))
    record(recorder)
    recorder.flush()
    assert len(sink.batches) == 1


async def test_gauges_are_read_at_the_start() -> None:
    counters = Counters()
    recorder = BatchingRecorder(counters, (), lambda: {"pool_open": 4})
    recorder.open()
    recorder.close()
    assert 4_000_000 in counters.words.tolist()


async def test_requests_under_way_are_counted() -> None:
    counters = Counters()
    recorder = BatchingRecorder(counters)
    recorder.started()
    assert counters.words[IN_PROGRESS] == 1
    record(recorder)
    assert counters.words[IN_PROGRESS] == 1


LINE = RequestRecord(
    RequestContext(request_id="r1", trace_id="ab", address="203.0.113.7", principal=PRINCIPAL),
    "GET",
    "/items/{id}",
    200,
    1_800_000_000.5,
    0.01234567,
)


def test_a_line_of_json_says_everything() -> None:
    stream = io.StringIO()
    AccessLog(stream, json=True).write([LINE])
    assert json.loads(stream.getvalue()) == {
        "timestamp": "2027-01-15T08:00:00.500000Z",
        "level": "info",
        "event": "request",
        "component": "access",
        "request_id": "r1",
        "trace_id": "ab",
        "method": "GET",
        "route": "/items/{id}",
        "status": 200,
        "milliseconds": 12.346,
        "address": "203.0.113.7",
        "principal": str(USER),
        "tenant": str(TENANT),
    }


def test_a_line_of_json_has_the_ids_that_a_database_returns() -> None:
    stream = io.StringIO()
    of_database = replace(PRINCIPAL, user_id=UserId(DatabaseUUID(str(USER))))
    AccessLog(stream, json=True).write([LINE._replace(context=RequestContext(request_id="r1", principal=of_database))])
    assert json.loads(stream.getvalue())["principal"] == str(USER)


def test_each_request_has_a_line_of_its_own() -> None:
    stream = io.StringIO()
    nobody = LINE._replace(context=RequestContext(request_id="r2"), status=500)
    AccessLog(stream, json=True).write([LINE, nobody])
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["request_id"] for line in lines] == ["r1", "r2"]
    assert lines[1]["level"] == "error"
    assert "principal" not in lines[1]


@pytest.mark.parametrize("principal", [PRINCIPAL, None])
def test_a_readable_line_is_one_line(principal: Principal | None) -> None:
    stream = io.StringIO()
    AccessLog(stream, json=False).write([LINE._replace(context=RequestContext(request_id="r1", trace_id="ab", principal=principal))])
    assert stream.getvalue().startswith("08:00:00 200 GET /items/{id} 12.3 ms")
    assert stream.getvalue().count("\n") == 1
    assert "request_id=r1 trace_id=ab" in stream.getvalue()
    assert (str(USER) in stream.getvalue()) is (principal is not None)
