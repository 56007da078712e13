"""What redis-py does for us: subscriptions, what sentinels know, and the nodes of a Cluster. RESP3."""

from typing import Any

from redis.asyncio import Connection, ConnectionPool, Redis, RedisCluster, Sentinel, SSLConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from api_base.infrastructure.redis.address import RedisAddress


def subscriber_at(address: RedisAddress, timeout: float, attempt: int) -> Redis:
    """Return a client for a subscription. Every node of a Cluster sends all messages; each attempt uses another one."""
    options = _options(address, timeout)
    if address.service is not None:
        made: Redis = sentinels(address, timeout).master_for(address.service, ssl=address.tls, **options)
        return made
    host, port = address.hosts[attempt % len(address.hosts)]
    kind = SSLConnection if address.tls else Connection
    return Redis.from_pool(ConnectionPool(connection_class=kind, host=host, port=port, **options))


async def close(redis: Redis) -> None:
    """Close the connections, also those to sentinels."""
    await redis.aclose()
    if isinstance(pool := redis.connection_pool, SentinelConnectionPool):
        await pool.sentinel_manager.aclose()


def sentinels(address: RedisAddress, timeout: float) -> Sentinel:
    """Return a client of the sentinels, whose connections and answers take up to `timeout` seconds each."""
    of_servers = {"db": 0, "username": None, "password": address.sentinel_password}
    return Sentinel(address.hosts, sentinel_kwargs={**_options(address, timeout), "ssl": address.tls, **of_servers})


def cluster(address: RedisAddress, timeout: float, connections: int) -> RedisCluster:
    """Return a client of a Cluster with up to so many `connections` to each node."""
    nodes = [ClusterNode(host, port) for host, port in address.hosts]
    return RedisCluster(startup_nodes=nodes, max_connections=connections, ssl=address.tls, **_options(address, timeout))


def _options(address: RedisAddress, timeout: float) -> dict[str, Any]:
    return {
        "protocol": 3,
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 1),  # a connection that the server closed while it was idle is replaced
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        **address.options,
    }
