"""Types shared by every layer."""

from api_base.core.types.context import (
    NO_REQUEST,
    RequestContext,
    current_context,
    parent_of,
    request_tenant,
    request_user,
    valid_request_id,
)
from api_base.core.types.idempotency import MAX_KEY_LENGTH, KeyedExecution, KeyedRequest, fingerprint, key_digest
from api_base.core.types.ids import NO_TENANT, NO_USER, SessionId, TenantId, UserId
from api_base.core.types.language import Language, preferred
from api_base.core.types.origin import Delivery, Origin, RunningJob, Settled
from api_base.core.types.principal import Principal
from api_base.core.types.result import Err, Ok, Result, unwrap

__all__ = [
    "MAX_KEY_LENGTH",
    "NO_REQUEST",
    "NO_TENANT",
    "NO_USER",
    "Delivery",
    "Err",
    "KeyedExecution",
    "KeyedRequest",
    "Language",
    "Ok",
    "Origin",
    "Principal",
    "RequestContext",
    "Result",
    "RunningJob",
    "SessionId",
    "Settled",
    "TenantId",
    "UserId",
    "current_context",
    "fingerprint",
    "key_digest",
    "parent_of",
    "preferred",
    "request_tenant",
    "request_user",
    "unwrap",
    "valid_request_id",
]
