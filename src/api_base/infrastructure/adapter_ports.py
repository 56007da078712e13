"""The dependencies of the adapters behind `CACHE__URL`, `MAIL__URL`, `EVENTS__URL`, `JOBS__URL`, `LOCKS__URL`, `RATE_LIMIT__URL`, `REALTIME__URL`, `REMOTE__URL`,
`SEARCH__URL` and `STORAGE__URL`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from api_base.application.common.search import SearchIndexes
from api_base.core.config import Settings
from api_base.core.protocols import Clock, DeferredDeliveries
from api_base.domain.common.events import Subscribers
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.resilience.patterns import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class AdapterPorts:
    """What an adapter is built from. `policy` returns the policy of an outbound dependency by its name; `/health/ready` and the metrics show that dependency from then on.

    `dispensable` returns the policy of one that callers can do without, by its name and the seconds that a call may take.
    `storage_keys` returns the secrets of the URLs that grant access to a file; the first one signs.
    `database` runs as the role `app`. `worker_pool` is the pool of the role `worker`, closed until the worker opens it. `deferred` keeps deliveries for later attempts.
    `search_indexes` are those that contexts declare.
    """

    settings: Settings
    clock: Clock
    policy: Callable[[str], Policy]
    dispensable: Callable[[str, float], Policy]
    database: Database
    worker_pool: ConnectionPool
    subscribers: Subscribers
    deferred: DeferredDeliveries
    storage_keys: Callable[[], Sequence[bytes]]
    search_indexes: SearchIndexes
