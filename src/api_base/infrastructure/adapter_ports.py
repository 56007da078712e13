"""The dependencies of the adapters behind `MAIL__URL`, `EVENTS__URL`, `JOBS__URL`, `RATE_LIMIT__URL` and `REMOTE__URL`."""

from collections.abc import Callable
from dataclasses import dataclass

from api_base.core.config import Settings
from api_base.core.protocols import Clock, DeferredDeliveries
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.resilience.patterns import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPorts:
    """`policy` returns the policy of an outbound dependency by its name; `/health/ready` and the metrics show that dependency from then on.

    `worker_pool` is the pool of the role `worker`, closed until the worker opens it. `deferred` keeps deliveries for later attempts.
    """

    settings: Settings
    clock: Clock
    policy: Callable[[str], Policy]
    worker_pool: ConnectionPool
    subscribers: Subscribers
    deferred: DeferredDeliveries
