"""The adapters of `RATE_LIMIT__URL`."""

from typing import Final

from api_base.core.di import Adapter
from api_base.core.protocols import RateLimiter
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter


def _memory(ports: object) -> RateLimiter:
    del ports
    return MemoryRateLimiter()


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Counts in the memory of each process.")
