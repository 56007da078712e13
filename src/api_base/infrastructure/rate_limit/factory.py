"""The adapters of `RATE_LIMIT__URL`."""

from typing import TYPE_CHECKING, Final

from api_base.core.di import Adapter
from api_base.core.protocols import RateLimiter
from api_base.infrastructure.rate_limit.memory import MemoryRateLimiter

if TYPE_CHECKING:
    from api_base.infrastructure.adapter_ports import AdapterPorts


def _memory(ports: "AdapterPorts") -> RateLimiter:
    table = ports.settings.rate_limit.table
    if table is None:
        return MemoryRateLimiter()
    from api_base.infrastructure.rate_limit.shared import SharedRateLimiter

    return SharedRateLimiter(table)


MEMORY: Final = Adapter(build=_memory, url="memory://", summary="Counts in memory that the server processes of one `api-base serve` share.")
