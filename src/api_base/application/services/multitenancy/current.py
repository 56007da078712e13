"""The tenant of a request is a claim of its access token; nothing else chooses it."""

from uuid import UUID

from api_base.core.errors import NotFound
from api_base.core.types import TenantId, current_context


def own_tenant(id: UUID) -> TenantId:
    """`id`, if it is the tenant that the request's token is for. Raises `NotFound` otherwise: a foreign tenant is answered as a random id."""
    if id != current_context.get().tenant_id:
        raise NotFound("tenant", id)
    return TenantId(id)
