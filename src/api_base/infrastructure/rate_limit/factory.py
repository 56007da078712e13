"""The adapters of `RATE_LIMIT__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter

if TYPE_CHECKING:
    from api_base.core.protocols import RateLimiter
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _memory(ports: "AdapterPorts") -> "RateLimiter":
    del ports
    from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter

    return MemoryRateLimiter()


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Counts in the memory of each process.")
