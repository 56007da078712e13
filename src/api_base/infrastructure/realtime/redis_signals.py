"""Signals through Redis or Valkey: PUBLISH after the commit, SUBSCRIBE in every serving process."""

from collections.abc import Callable, Sequence
from functools import partial

from api_base.application.common.realtime import ChannelKey
from api_base.core.errors import Unavailable
from api_base.core.protocols import Resource
from api_base.core.shared.logging import get_logger
from api_base.infrastructure.db.connecting import Connection
from api_base.infrastructure.realtime.signals import Signals, payloads
from api_base.infrastructure.redis.address import RedisAddress
from api_base.infrastructure.redis.client import RedisClient
from api_base.infrastructure.redis.servers import Servers
from api_base.infrastructure.redis.subscription import RedisSubscription

logger = get_logger(__name__)


class RedisSignals(Signals):
    """`prefix` separates applications that share a server."""

    def __init__(self, client: RedisClient, address: RedisAddress, prefix: str) -> None:
        self._client, self._address, self._channel = client, address, f"{prefix}:channel_events"

    async def within(self, connection: Connection, keys: Sequence[ChannelKey]) -> None:
        """Nothing can be sent before the commit."""

    async def after(self, keys: Sequence[ChannelKey]) -> None:
        try:
            for payload in payloads(keys):
                await self._client.call(partial(_publish, self._channel, payload))
        except Unavailable as error:
            logger.warning("signals_not_sent", reason=str(error), channels=len(keys))

    def listen(self, on_payload: Callable[[str], None], on_gap: Callable[[], None]) -> Resource:
        return _Listening(
            RedisSubscription(self._address, self._channel, lambda message: on_payload(message.decode(errors="replace")), on_gap)
        )

    async def close(self) -> None:
        await self._client.close()


class _Listening(Resource):
    def __init__(self, subscription: RedisSubscription) -> None:
        self._subscription = subscription

    async def open(self) -> None:
        self._subscription.open()

    async def close(self) -> None:
        await self._subscription.close()


async def _publish(channel: str, payload: str, servers: Servers) -> None:
    await servers.execute("PUBLISH", channel, payload)
