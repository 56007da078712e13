"""What runs on what: one line per port, the adapter chosen by the scheme of its URL.

Singletons are built closed; `lifespan.py` opens and closes them. Nothing here belongs to a single request.
"""

from typing import Final

from dependency_injector import containers, providers

from api_base.application.common.cqrs import Bus
from api_base.application.common.middleware import PermissionMiddleware, RetryMiddleware, TraceMiddleware, UnitOfWorkMiddleware
from api_base.bootstrap.access import ACCESS
from api_base.bootstrap.lazily import lazily
from api_base.core.config import Settings
from api_base.core.di import scheme_of
from api_base.infrastructure.audit.store import AuditParticipant, SqlAuditStore
from api_base.infrastructure.auth.access import AccessSnapshot
from api_base.infrastructure.db.pool import PoolOptions
from api_base.infrastructure.db.session import Database
from api_base.infrastructure.db.unit_of_work import SqlUnitOfWorkFactory
from api_base.infrastructure.rbac.checker import RolePermissionChecker
from api_base.infrastructure.system.clock import SystemClock
from api_base.infrastructure.system.ids import Uuid7Generator

RATE_LIMITERS: Final = {"memory": "api_base.infrastructure.rate_limit.memory:MemoryRateLimiter"}


class Container(containers.DeclarativeContainer):
    """Build it with `container(settings, …)` of `bootstrap/application.py`."""

    config = providers.Configuration()
    permissions = providers.Dependency()
    subscribers = providers.Dependency()

    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(Uuid7Generator)
