"""The tenant of a request: a claim of its access token, and nothing else."""

from uuid import UUID

from api_base.core.errors import NotFound
from api_base.core.types import TenantId, current_context


def own_tenant(id: UUID) -> TenantId:
    """`id`, if it is the tenant of the access token. Raises `NotFound` otherwise, so that a foreign tenant is answered like a random id."""
    if id != current_context.get().tenant_id:
        raise NotFound("tenant", id)
    return TenantId(id)
