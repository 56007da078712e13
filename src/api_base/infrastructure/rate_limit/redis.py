"""Rate limits that all machines count together, in Redis or Valkey.

A key is the theoretical arrival time of one policy in one partition. The keys of a partition have one hash tag, so one script decides all of
them and stores them or nothing. Charges of several partitions are as many scripts, sent together: if one of them refuses, what the others
charged is given back. Meanwhile other callers see too little left and never too much; two phases could admit too many.

The server's clock is the only one: the clocks of the machines may differ.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final

from api_base.core.errors import Unavailable
from api_base.core.protocols import Charge, Rate, RateDecision, RateLimiter
from api_base.infrastructure.rate_limit.memory import TOLERANCE, Decided, decide, decision_of
from api_base.infrastructure.redis.client import RedisClient

MARGIN: Final = 60_000
"""Milliseconds that a key outlives its time: the clock of a replica that takes over may be behind."""

HIT: Final = f"""
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1000000
end
local answer, charged, allowed = {{string.format('%.17g', now)}}, {{}}, true
for i, key in ipairs(KEYS) do
  local interval, depth, cost = tonumber(ARGV[4 * i - 2]), tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
  local stored, latest = tonumber(redis.call('GET', key) or '') or now, now + depth
  answer[i + 1] = string.format('%.17g', stored)
  charged[i] = math.min(math.max(stored, now), latest) + interval * cost
  allowed = allowed and charged[i] - latest <= {TOLERANCE!r}
end
if allowed then
  for i, key in ipairs(KEYS) do
    if ARGV[4 * i + 1] == '0' then
      local left = math.ceil((charged[i] - now) * 1000)
      if left > 0 then
        redis.call('SET', key, string.format('%.17g', charged[i]), 'PX', string.format('%.0f', left + {MARGIN}))
      else
        redis.call('DEL', key)
      end
    end
  end
end
return answer
"""
"""The same arithmetic as `memory.decide`, on the same double-precision numbers."""


class RedisRateLimiter(RateLimiter):
    """Implements `RateLimiter`. All keys begin with `prefix`. A decision takes at most `seconds`.

    While Redis cannot be used, `local` decides about the part `share` of each quota and burst. `now` replaces the server's clock in tests.
    """

    def __init__(
        self, client: RedisClient, prefix: str, local: RateLimiter, share: float, seconds: float, now: Callable[[], float] | None = None
    ) -> None:
        self._client, self._prefix, self._local, self._share, self._seconds, self._now = client, prefix, local, share, seconds, now
        self._script = client.script(HIT)

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        """Charge everything, or nothing if one of the charges is refused. A cost above the burst is always refused."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        slots: dict[str, list[Charge]] = {}
        for charge in charges:
            slots.setdefault(charge.partition, []).append(charge)
        try:
            decided = await self._decide([*slots.values()])
        except Unavailable:
            return await self._decide_locally(charges)
        found = {
            charge[:2]: one for slot, ones in zip(slots.values(), decided, strict=True) for charge, one in zip(slot, ones, strict=True)
        }
        decision = decision_of([found[charge[:2]] for charge in charges])
        if not decision.allowed and len(slots) > 1:
            charged = [slot for slot, ones in zip(slots.values(), decided, strict=True) if decision_of(ones).allowed]
            await self._give_back(charged, deadline)
        return decision

    async def check(self) -> str:
        """Connect once, and return the name of the server. Raises `Unavailable`."""
        return await self._client.check()

    async def close(self) -> None:
        await self._client.close()

    async def _decide(self, slots: Sequence[Sequence[Charge]]) -> list[list[Decided]]:
        """Return what was decided about each charge of each slot. Raises `Unavailable`."""
        answers = await self._client.call(lambda _: self._run_all(slots))
        return [
            [decide(float(stored), charge, float(now)) for charge, stored in zip(slot, arrivals, strict=True)]
            for slot, (now, *arrivals) in zip(slots, answers, strict=True)
        ]

    async def _run_all(self, slots: Sequence[Sequence[Charge]]) -> list[Any]:
        """Wait for all scripts, also when one has failed: none may charge after the call has ended."""
        answers = await asyncio.gather(*map(self._run, slots), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _run(self, slot: Sequence[Charge]) -> Any:
        tag = _digest(slot[0].partition)
        keys = [f"{self._prefix}:limits:{{{tag}}}:{charge.policy}" for charge in slot]
        arguments: list[Any] = ["" if self._now is None else self._now()]
        for charge in slot:
            arguments += [charge.rate.interval, charge.rate.depth, charge.cost, int(charge.checked)]
        return await self._script(keys, arguments)

    async def _give_back(self, slots: Sequence[Sequence[Charge]], deadline: float) -> None:
        """Undo charges. If Redis fails in this moment, they stay: the callers get them back with time."""
        charged = [[charge._replace(cost=-charge.cost) for charge in slot if not charge.checked] for slot in slots]
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._decide([slot for slot in charged if slot])

    async def _decide_locally(self, charges: Sequence[Charge]) -> RateDecision:
        reduced = [charge._replace(rate=_part(charge.rate, self._share, charge.cost)) for charge in charges]
        return (await self._local.hit(reduced))._replace(reduced=True)


@lru_cache(maxsize=1024)
def _part(rate: Rate, share: float, cost: int) -> Rate:
    """Return a share of `rate`, whose burst still allows one charge: nobody is refused for the whole time."""
    return Rate(rate.quota * share, rate.window, max(1, cost, math.floor(rate.burst * share)))


def _digest(partition: str) -> str:
    """The server stores no addresses, and no key is long."""
    return blake2b(partition.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
