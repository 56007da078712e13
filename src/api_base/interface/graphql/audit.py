"""The audit trail of the tenant."""

from typing import Final

from api_base.application.audit.dtos import AuditRecordDTO
from api_base.application.audit.list_audit import AUDIT_FIELDS, ListAudit
from api_base.interface.graphql.declared import GraphQL, Listing

AUDIT: Final = GraphQL(
    listings=(
        Listing(
            name="audit",
            dto=AuditRecordDTO,
            query=lambda request: ListAudit(request=request),
            fields=AUDIT_FIELDS,
            description="The audit trail of the tenant, for its owners and admins.",
        ),
    ),
)
