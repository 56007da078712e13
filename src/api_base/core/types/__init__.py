"""Types shared by every floor."""

from api_base.core.types.context import (
    NO_REQUEST,
    RequestContext,
    current_context,
    parent_of,
    request_tenant,
    request_user,
    valid_request_id,
)
from api_base.core.types.idempotency import MAX_KEY_LENGTH, KeyedRequest, fingerprint, key_digest
from api_base.core.types.ids import NO_TENANT, NO_USER, SessionId, TenantId, UserId
from api_base.core.types.jobs import RunningJob
from api_base.core.types.language import Language, preferred
from api_base.core.types.principal import Principal
from api_base.core.types.result import Err, Ok, Result

__all__ = [
    "MAX_KEY_LENGTH",
    "NO_REQUEST",
    "NO_TENANT",
    "NO_USER",
    "Err",
    "KeyedRequest",
    "Language",
    "Ok",
    "Principal",
    "RequestContext",
    "Result",
    "RunningJob",
    "SessionId",
    "TenantId",
    "UserId",
    "current_context",
    "fingerprint",
    "key_digest",
    "parent_of",
    "preferred",
    "request_tenant",
    "request_user",
    "valid_request_id",
]
