"""/api/v1/audit: the audit trail."""

from typing import Annotated

from fastapi import Depends

from api_base.application.audit.dtos import AuditRecordDTO
from api_base.application.audit.list_audit import AUDIT_FIELDS, ListAudit, ListPlatformAudit
from api_base.application.common.cqrs import Bus
from api_base.application.common.listing import ListRequest, Page
from api_base.interface.routes import ListQuery, RouteOptions, Router

Request = Annotated[ListRequest, Depends(ListQuery(AUDIT_FIELDS))]


def routes(bus: Bus) -> Router:
    router = Router(prefix="/audit", tags=["audit"])

    @router.get(
        "",
        RouteOptions(sparse=True, example={"query": "action=item.created&sort=-at&limit=2"}),
        summary="List the tenant's audit trail",
    )
    async def list_audit(request: Request) -> Page[AuditRecordDTO]:
        return await bus.execute(ListAudit(request=request))

    @router.get(
        "/platform",
        RouteOptions(sparse=True, example={"query": "action[starts_with]=refused.&sort=-at&limit=2"}),
        summary="List audit records without a tenant (platform administrators)",
    )
    async def list_platform_audit(request: Request) -> Page[AuditRecordDTO]:
        return await bus.execute(ListPlatformAudit(request=request))

    return router
