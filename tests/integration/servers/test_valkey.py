"""What we rely on in Valkey: RESP3, scripts, and that a killed server comes back empty on the same port."""

from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as Lost

from tests.services import Killable


async def test_it_speaks_resp3_and_runs_scripts(redis_url: str) -> None:
    async with Redis.from_url(redis_url, protocol=3) as client:
        said: dict[bytes, Any] = await client.execute_command("HELLO", 3)
        assert said[b"proto"] == 3
        assert await client.eval("return {KEYS[1], ARGV[1]}", 1, "key", "argument") == [b"key", b"argument"]


async def test_killed_it_starts_empty_on_the_same_port(killable_redis: Killable) -> None:
    async with Redis.from_url(killable_redis.url, protocol=3) as client:
        await client.set("tests:kept", "value")
        killable_redis.kill()
        with pytest.raises(Lost):
            await client.get("tests:kept")
        killable_redis.start()
        assert await client.get("tests:kept") is None
