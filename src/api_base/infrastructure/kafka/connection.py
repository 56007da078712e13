"""How this process reaches the cluster: brokers, TLS, SASL/SCRAM; and names for what the application has there.

The driver tells a wrong password from a broker that is away in its log only; here the broker is asked once more, and what it says
becomes the error's sentence.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaError, SaslAuthenticationFailed

from api_base.core.errors import Unavailable

REQUEST: Final = 5.0
"""Seconds that a request waits for its answer before it is sent again."""
FLUSH: Final = 5.0
"""Seconds that a producer has for what it holds when it is stopped."""


class Client(Protocol):
    """A producer or consumer of the driver."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """`brokers` is `host:port`, several by commas. `prefix` begins the names of topics, groups and transactions."""

    brokers: str
    prefix: str = "api-base"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    mechanism: str = "SCRAM-SHA-512"
    tls: bool = False
    tls_ca: Path | None = None

    def options(self) -> dict[str, Any]:
        """Arguments that each of the driver's clients takes."""
        return {"bootstrap_servers": self.brokers.split(","), "client_id": self.prefix, **self._security()}

    def producing(self) -> dict[str, Any]:
        """Arguments for producers, which lose nothing [KIP-98]."""
        return {**self.options(), "acks": "all", "enable_idempotence": True, "request_timeout_ms": int(REQUEST * 1000)}

    def topic_of(self, event: str) -> str:
        """A topic for each context: all events of an aggregate are in one partition, in order."""
        return self.named(event.partition(".")[0])

    def named(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    async def start(self, client: Client) -> None:
        """Raises `Unavailable` that says why, with `client` let go."""
        started = False
        try:
            await client.start()
            started = True
        except (KafkaError, OSError) as error:
            await self.check()
            raise Unavailable(f"Kafka at {self.brokers} cannot be used: {error or type(error).__name__}") from error
        finally:
            if not started:
                await client.stop()

    async def flush(self, producer: AIOKafkaProducer) -> None:
        """Stop it, once what it holds is written, or after `FLUSH` seconds in any case: then it sends nothing more."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                await producer.stop()
        await producer._sender.close()  # it would go on, cut off, and write what somebody else has written by now
        await producer.client.close()

    async def leave(self, consumer: AIOKafkaConsumer) -> None:
        """Stop it, and leave its group.

        While a broker is away the driver cancels a task of its own on the way and lets that through, which would end our task, with
        its connections still open.
        """
        stopping = asyncio.create_task(consumer.stop())
        await asyncio.wait([stopping])
        if stopping.cancelled():
            await consumer._client.close()
        else:
            stopping.result()

    async def check(self) -> None:
        """Connect to the first broker that answers. Raises `Unavailable` with what the last one said."""
        for broker in self.brokers.split(","):
            host, _, port = broker.rpartition(":")
            try:
                connection = await create_conn(host, int(port), request_timeout_ms=int(REQUEST * 1000), **self._security())
            except SaslAuthenticationFailed as error:
                raise Unavailable(f"Kafka at {broker} refuses user or password of EVENTS__URL, user {self.username!r}.") from error
            except (KafkaError, OSError) as error:
                reason = f"Kafka at {broker} cannot be used: {error or type(error).__name__}"
            else:
                connection.close()
                return
        raise Unavailable(reason)

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
