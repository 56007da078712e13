"""Types shared by every floor."""

from api_base.core.types.context import OUTSIDE, RequestContext, current_context, parent_of, request_tenant, request_user, sane_request_id
from api_base.core.types.idempotency import LONGEST_KEY, KeyedRequest, fingerprint, key_digest
from api_base.core.types.ids import NO_TENANT, NOBODY, SessionId, TenantId, UserId
from api_base.core.types.jobs import RunningJob
from api_base.core.types.language import Language, preferred
from api_base.core.types.principal import Principal
from api_base.core.types.result import Err, Ok, Result

__all__ = [
    "LONGEST_KEY",
    "NOBODY",
    "NO_TENANT",
    "OUTSIDE",
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
    "sane_request_id",
]
