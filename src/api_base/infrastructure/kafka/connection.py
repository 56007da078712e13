"""The connection to the cluster: brokers, TLS, SASL/SCRAM; and the names of the application's topics and groups.

The driver reports a wrong password in its log only. So after a failed start this module connects again, and its error contains the answer
of the broker.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from api_base.core.di import URL_ESCAPES, ca_file
from api_base.core.errors import Unavailable

REQUEST_TIMEOUT: Final = 5.0
"""Seconds that a request waits for its response before it is sent again."""
FLUSH_TIMEOUT: Final = 5.0
"""Seconds that a producer has to send its buffer when it stops."""

MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_FORM: Final = f"must be kafka://user:password@host:port, or kafka+ssl://… for TLS; separate several brokers with commas, {URL_ESCAPES}"


class Client(Protocol):
    """A producer or consumer of the driver."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """`brokers` is `host:port`, several separated by commas. The names of topics, groups and transactions begin with `prefix`."""

    brokers: str
    prefix: str = "api-base"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = False
    tls_ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """Return arguments for every client of the driver."""
        return {"bootstrap_servers": self.brokers.split(","), "client_id": self.prefix, **self._security()}

    def producer_options(self) -> dict[str, Any]:
        """Return arguments for idempotent producers, which lose nothing [KIP-98]."""
        return {**self.options(), "acks": "all", "enable_idempotence": True, "request_timeout_ms": int(REQUEST_TIMEOUT * 1000)}

    def topic_of(self, event: str) -> str:
        """One topic for each context: all events of an aggregate are in one partition, in order."""
        return self.qualified(event.partition(".")[0])

    def qualified(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    async def subscribed(self, group: str, event: str, listener: ConsumerRebalanceListener, **options: int) -> AIOKafkaConsumer:
        """Return a started consumer of the topic of `event`, which commits itself what it has read. Raises `Unavailable`."""
        consumer = AIOKafkaConsumer(
            **self.options(),
            group_id=self.qualified(group),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            **options,
        )
        consumer.subscribe([self.topic_of(event)], listener=listener)
        await self.start(consumer)
        return consumer

    async def start(self, client: Client) -> None:
        """Start `client`. Raises `Unavailable` with the reason; the client is stopped then."""
        started = False
        try:
            await client.start()
            started = True
        except (KafkaError, OSError) as error:
            await self.check()
            raise Unavailable("Kafka cannot be used.", reason=f"{self.brokers}: {error or type(error).__name__}") from error
        finally:
            if not started:
                await client.stop()

    async def flush(self, producer: AIOKafkaProducer) -> None:
        """Stop the producer once its buffer is written, or after `FLUSH_TIMEOUT` seconds; after that it sends nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_TIMEOUT):
                await producer.stop()
        await (
            producer._sender.close()
        )  # after a timeout it would continue, and write events that another producer has written in the meantime
        await producer.client.close()

    async def leave(self, consumer: AIOKafkaConsumer) -> None:
        """Stop the consumer and leave its group.

        While a broker is unavailable, the driver cancels one of its own tasks and raises that cancellation, which would end our task and leave
        connections open.
        """
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.wait([stopping])
        if stopping.cancelled():
            await consumer._client.close()
        else:
            stopping.result()

    async def check(self) -> None:
        """Connect to the first broker that answers. Raises `Unavailable` with the error of the last one."""
        for broker in self.brokers.split(","):
            host, _, port = broker.rpartition(":")
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=int(REQUEST_TIMEOUT * 1000), **self._security())
            except SaslAuthenticationFailed as error:
                raise Unavailable("Kafka refuses user or password of EVENTS__URL.", reason=f"{broker}, user {self.username!r}") from error
            except (KafkaError, OSError) as error:
                reason = f"{broker}: {error or type(error).__name__}"
            else:
                connection.close()
                return
        raise Unavailable("Kafka cannot be used.", reason=reason)

    def _security(self) -> dict[str, Any]:
        known = self.username is not None
        options: dict[str, Any] = {"security_protocol": f"{'SASL_' if known else ''}{'SSL' if self.tls else 'PLAINTEXT'}"}
        if self.tls:
            options["ssl_context"] = ssl.create_default_context(cafile=self.tls_ca)
        if known:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


def connection_at(url: str, prefix: str) -> KafkaConnection:
    """Parse `kafka://user:password@host:port,host:port?mechanism=SCRAM-SHA-256`, or `kafka+ssl://…?ca=/path/ca.pem` for TLS.

    Raises `ValueError`, which never shows the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(_FORM) from None
    credentials, _, brokers = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    tls = parts.scheme == "kafka+ssl"
    if not (tls or parts.scheme == "kafka") or parts.path.strip("/") or parts.fragment or not all(map(_has_port, brokers.split(","))):
        raise ValueError(_FORM)
    if bool(user) != bool(password):
        raise ValueError("must have both user and password, or neither")
    mechanism, ca = parameters.pop("mechanism", MECHANISMS[-1]), parameters.pop("ca", None)
    if parameters:
        raise ValueError(f"has the unknown parameter {min(parameters)!r}; the parameters are mechanism and ca")
    if mechanism not in MECHANISMS:
        raise ValueError(f"must have {' or '.join(MECHANISMS)} as mechanism, not {mechanism!r}")
    return KafkaConnection(
        brokers=brokers,
        prefix=prefix,
        username=unquote(user) or None,
        password=unquote(password) or None,
        mechanism=mechanism,
        tls=tls,
        tls_ca=ca_file(ca, tls=tls, scheme="kafka+ssl"),
    )


def _has_port(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    return bool(host) and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536
