"""What other programs see of RabbitMQ: properties of messages, arguments of queues, limits. Each is written out here, since both ends of ours share the code."""

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aio_pika
import pytest

from api_base.application.common.remote import RemoteCall
from api_base.infrastructure.rabbitmq import connection
from api_base.infrastructure.remote import rpc_messages
from api_base.infrastructure.remote.rabbitmq_rpc import RabbitMqRpcServer
from api_base.infrastructure.tasks.backend import JobRef
from api_base.infrastructure.tasks.rabbitmq_queue import RabbitMqJobQueue
from tests.rabbitmq import policy

JOB = JobRef(UUID(int=1), UUID(int=2))


class Channel:
    """Records what is declared and published."""

    is_closed = False

    def __init__(self) -> None:
        self.declared: dict[str, dict[str, Any]] = {}
        self.published: list[tuple[aio_pika.Message, str, bool]] = []
        self.default_exchange = self

    async def channel(self) -> "Channel":
        return self

    async def declare_queue(self, name: str, **rest: Any) -> None:
        self.declared[name] = rest

    async def publish(self, message: aio_pika.Message, queue: str, *, mandatory: bool) -> None:
        self.published.append((message, queue, mandatory))


@pytest.fixture
def channel() -> Any:
    return Channel()


async def test_queues_of_jobs_are_durable_with_these_arguments(channel: Any) -> None:
    await RabbitMqJobQueue(channel, "shop", policy()).declare(channel)
    day = 24 * 60 * 60 * 1000
    assert channel.declared == {
        "jobs.shop.dead": {"durable": True, "timeout": 5.0, "arguments": {"x-message-ttl": 7 * day, "x-max-length": 10_000}},
        "jobs.shop.retry": {
            "durable": True,
            "timeout": 5.0,
            "arguments": {"x-message-ttl": 5000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "jobs.shop"},
        },
        "jobs.shop": {
            "durable": True,
            "timeout": 5.0,
            "arguments": {
                "x-queue-type": "quorum",
                "x-delivery-limit": 20,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "jobs.shop.dead",
            },
        },
    }


async def test_a_job_is_a_persistent_json_message_that_must_reach_a_queue(channel: Any) -> None:
    queue = RabbitMqJobQueue(channel, "shop", policy())
    assert await queue.publish([JOB]) == []
    await queue.retry_later(JOB.encoded(), "")
    assert [(name, mandatory) for _, name, mandatory in channel.published] == [("jobs.shop", True), ("jobs.shop.retry", True)]
    for message, _, _ in channel.published:
        assert (message.content_type, message.delivery_mode) == ("application/json", aio_pika.DeliveryMode.PERSISTENT)
        assert (JobRef.decoded(message.body), message.headers) == (JOB, {})


async def test_a_job_of_a_trace_is_sent_with_its_traceparent(channel: Any) -> None:
    parent = f"00-{1:032x}-{1:016x}-01"
    queue = RabbitMqJobQueue(channel, "shop", policy())
    assert await queue.publish([replace(JOB, traceparent=parent)]) == []
    await queue.retry_later(JOB.encoded(), parent)
    assert [message.headers for message, _, _ in channel.published] == [{"traceparent": parent}] * 2


async def test_the_queue_of_a_service_refuses_what_exceeds_its_length(channel: Any) -> None:
    server = RabbitMqRpcServer(channel, "prices", lambda call: pytest.fail("no call"), 1)
    await server._declare(channel)
    arguments = {"x-max-length": 10_000, "x-overflow": "reject-publish"}
    assert channel.declared == {"remote.prices": {"durable": True, "timeout": 5.0, "arguments": arguments}}


FULL = RemoteCall(name="prices.get", body=b"{}", seconds=30.0, access_token="a", key="k", request_id="r", traceparent="t")
HEADERS = {"authorization": "a", "idempotency-key": "k", "x-request-id": "r", "traceparent": "t"}


def test_a_request_carries_its_properties_and_headers() -> None:
    before = time.time()
    made = rpc_messages.request(FULL, "c1", "replies")
    deadline = float(str(made.headers.pop("deadline")))
    assert before + 30 <= deadline <= time.time() + 30
    assert made.headers == HEADERS
    assert (made.type, made.content_type, made.correlation_id, made.reply_to, made.expiration, made.body) == (
        "prices.get", "application/json", "c1", "replies", 30.0, b"{}",
    )  # fmt: skip
    assert rpc_messages.request(RemoteCall(name="a", body=b"", seconds=1.0), "c", "q").headers.keys() == {"deadline"}


def test_a_request_is_read_from_its_properties_and_headers() -> None:
    sent: Any = SimpleNamespace(
        headers={**HEADERS, "deadline": repr(time.time() + 30)}, type="prices.get", reply_to="replies", correlation_id="c1",
        body=b"{}", redelivered=True,
    )  # fmt: skip
    read = rpc_messages.call_of(sent)
    assert 29 < read.seconds <= 30
    assert (read.name, read.body, read.access_token, read.key, read.request_id, read.traceparent, read.redelivered) == (
        "prices.get", b"{}", "a", "k", "r", "t", True,
    )  # fmt: skip


@pytest.mark.parametrize("missing", ["type", "reply_to", "correlation_id"])
def test_a_message_without_one_of_these_is_no_request(missing: str) -> None:
    sent: Any = SimpleNamespace(headers={}, type="a", reply_to="b", correlation_id="c", body=b"", redelivered=False)
    setattr(sent, missing, None)
    with pytest.raises(ValueError, match="must have type, correlation_id and reply_to"):
        rpc_messages.call_of(sent)


@pytest.mark.parametrize(("kind", "written"), [(rpc_messages.RESULT, "result"), (rpc_messages.ERROR, "error")])
def test_a_reply_says_whether_it_is_a_result(kind: str, written: str) -> None:
    made = rpc_messages.reply(kind, b"{}", "c1")
    assert (made.type, made.content_type, made.correlation_id) == (written, "application/json", "c1")


def test_limits_of_the_connection() -> None:
    assert rpc_messages.MAX_MESSAGE_BYTES == 4 * 1024 * 1024
    assert (connection.OPERATION_TIMEOUT, connection.HEARTBEAT) == (5.0, 10)
