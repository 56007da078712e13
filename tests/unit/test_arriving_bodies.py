"""Bodies that are read while they arrive: whole, broken off, too large, too slow."""

from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Scope

from api_base.interface.errors.http import BodyTooLarge, SlowRequest, UnsupportedMediaType
from api_base.interface.routes import streaming
from api_base.interface.routes.body import discard, read
from api_base.interface.routes.streaming import GRACE_SECONDS, INTERIM, MIN_RATE, BodyInterrupted, BodyStream

LIMIT = 100


def scope(*headers: tuple[bytes, bytes], extensions: dict[str, Any] | None = None) -> Scope:
    return {"type": "http", "headers": list(headers), "extensions": extensions or {}}


def body(*messages: Message, limit: int = LIMIT, headers: Sequence[tuple[bytes, bytes]] = ()) -> BodyStream:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    return BodyStream.accepted(scope(*headers), receive, limit)


def part(content: bytes, *, more: bool = True) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


async def test_the_parts_come_as_they_arrive() -> None:
    stream = body(part(b"ab"), part(b""), part(b"c"), {"type": "http.request", "body": b"d"}, headers=[(b"content-length", b"4")])
    assert stream.size == 4
    assert [one async for one in stream] == [b"ab", b"c", b"d"]


async def test_a_client_that_leaves_before_the_end_is_no_end() -> None:
    arriving = aiter(body(part(b"ab"), {"type": "http.disconnect"}))
    assert await anext(arriving) == b"ab"
    with pytest.raises(BodyInterrupted):
        await anext(arriving)


async def test_a_body_may_have_exactly_the_limit() -> None:
    assert [one async for one in body(part(b"x" * 60), part(b"x" * 40, more=False))] == [b"x" * 60, b"x" * 40]
    with pytest.raises(BodyTooLarge):
        [one async for one in body(part(b"x" * 60), part(b"x" * 41, more=False))]
    with pytest.raises(BodyTooLarge):
        [one async for one in body(part(b"x" * 60, more=False)).within(59)]
    assert [one async for one in body(part(b"x" * 60, more=False)).within(200)] == [b"x" * 60]


def test_a_declared_length_over_the_limit_and_a_coding_are_refused_before_it_is_read() -> None:
    assert body(headers=[(b"content-length", b"100"), (b"content-encoding", b"Identity")]).size == LIMIT
    with pytest.raises(BodyTooLarge):
        body(headers=[(b"content-length", b"101")])
    with pytest.raises(UnsupportedMediaType, match="'gzip' is not supported"):
        body(headers=[(b"content-encoding", b"gzip")])
    assert body(headers=[(b"transfer-encoding", b"chunked"), (b"content-length", b"1")]).size is None


@pytest.mark.parametrize(
    ("size", "after", "slow"), [(MIN_RATE, GRACE_SECONDS, False), (MIN_RATE, GRACE_SECONDS + 1, True), (32 * MIN_RATE, 31, False)]
)
async def test_a_body_that_arrives_too_slowly_is_refused_after_a_time(
    monkeypatch: pytest.MonkeyPatch, size: int, after: float, slow: bool
) -> None:
    now = [1000.0]
    monkeypatch.setattr(streaming.time, "monotonic", lambda: now[0])
    stream = aiter(body(part(b"x" * size), part(b"y"), part(b"z", more=False), limit=10**6))
    assert await anext(stream) == b"x" * size
    now[0] += after
    if slow:
        with pytest.raises(SlowRequest):
            await anext(stream)
    else:
        assert [one async for one in stream] == [b"y", b"z"]


async def test_the_last_part_is_never_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(streaming.time, "monotonic", lambda: now[0])
    stream = body(part(b"x", more=False))
    found = aiter(stream)
    now[0] += 10 * GRACE_SECONDS
    assert [one async for one in found] == [b"x"]


def test_an_interim_response_is_sent_where_the_server_can() -> None:
    sent: list[Any] = []

    async def never() -> Message:
        raise AssertionError("nothing is read")

    with_extension = BodyStream(scope(extensions={INTERIM: lambda *answer: sent.append(answer)}), never, LIMIT)
    assert with_extension.inform(104, b"Upload Resumption Supported", [(b"location", b"/x")]) is True
    assert sent == [(104, b"Upload Resumption Supported", [(b"location", b"/x")])]
    assert BodyStream(scope(), never, LIMIT).inform(104, b"", []) is False


@pytest.mark.parametrize(("size", "read"), [(101, True), (800, True), (801, False)])
async def test_a_body_that_is_too_large_is_read_to_its_end_unless_it_is_much_larger(size: int, read: bool) -> None:
    parts = [{"type": "http.request", "body": b"x" * 50, "more_body": left > 50} for left in range(size, 0, -50)]
    given = len(parts)

    async def receive() -> Message:
        return parts.pop(0)

    await discard(receive, size, 100)
    assert len(parts) == (0 if read else given)


async def test_a_body_whose_length_is_much_too_large_is_refused_unread() -> None:
    async def never() -> Message:
        raise AssertionError("read")

    for length, limit in ((b"801", 100), (b"9" * 19, 10**6)):
        scope = {"type": "http", "headers": [(b"content-type", b"application/json"), (b"content-length", length)]}
        with pytest.raises(BodyTooLarge):
            await read(scope, never, limit, ("application/json",))
