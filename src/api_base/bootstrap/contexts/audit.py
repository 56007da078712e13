"""The context `audit`: reading the trail. It is written, sealed and migrated with every application, whatever its contexts."""

from collections.abc import Mapping
from typing import Any, Final

from api_base.application.audit import permissions
from api_base.application.audit.queries.list_audit import ListAudit, ListPlatformAudit
from api_base.application.common.cqrs import Handler, Message
from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.contexts.roles import ADMINS, PLATFORM_ADMIN
from api_base.infrastructure.audit.queries import ListAuditHandler, ListPlatformAuditHandler
from api_base.interface.v1 import audit as v1


def _handlers(ports: Ports) -> Mapping[type[Message[Any]], Handler[Any, Any]]:
    return {ListAudit: ListAuditHandler(ports.database), ListPlatformAudit: ListPlatformAuditHandler(ports.database)}


AUDIT: Final = Context(
    name="audit",
    permissions={permissions.READ: ADMINS, permissions.READ_PLATFORM: frozenset({PLATFORM_ADMIN})},
    handlers=_handlers,
    routes=v1.routes,
)
