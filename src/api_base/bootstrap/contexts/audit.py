"""The context `audit`: read the trail, and verify it every night.

Every application writes, seals and migrates the trail, with or without this context.
"""

from collections.abc import Sequence
from typing import Final

from api_base.application.audit.list_audit import (
    READ,
    READ_CREATORS,
    READ_PLATFORM,
    GetCreators,
    ListAudit,
    ListHistories,
    ListPlatformAudit,
)
from api_base.application.audit.verify_audit import VerifyAudit, VerifyAuditHandler
from api_base.application.common.cqrs import Registration, on
from api_base.application.common.jobs import Job, Schedule
from api_base.bootstrap.audit import trusted_keys
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, PLATFORM_ADMIN, VIEWERS
from api_base.infrastructure.audit.queries import GetCreatorsHandler, ListAuditHandler, ListHistoriesHandler, ListPlatformAuditHandler
from api_base.infrastructure.audit.verification import TrailVerifier
from api_base.interface.v1 import audit as v1


def _handlers(ports: Ports) -> Sequence[Registration]:
    settings, database = ports.settings, ports.worker_database
    verifier = TrailVerifier(lambda: database.pool, lambda: trusted_keys(settings), settings.audit.checkpoints, ports.clock)
    return [
        on(GetCreators, GetCreatorsHandler(ports.database)),
        on(ListHistories, ListHistoriesHandler(ports.database)),
        on(ListAudit, ListAuditHandler(ports.database)),
        on(ListPlatformAudit, ListPlatformAuditHandler(ports.database)),
        on(VerifyAudit, VerifyAuditHandler(verifier)),
    ]


AUDIT: Final = Context(
    name="audit",
    permissions={READ: ADMINS, READ_PLATFORM: frozenset({PLATFORM_ADMIN}), READ_CREATORS: VIEWERS},
    handlers=_handlers,
    jobs=(Job(name="audit.verify", message=VerifyAudit, attempts=3, timeout=4 * 3600.0),),
    schedules=(Schedule(name="audit.verify", cron="0 3 * * *", message=VerifyAudit),),
    routes=v1.routes,
    graphql="api_base.interface.graphql.audit:AUDIT",
)
