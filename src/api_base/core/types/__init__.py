"""Types shared by every floor."""

from api_base.core.types.context import RequestContext, current_context, request_tenant, request_user
from api_base.core.types.idempotency import KeyedRequest
from api_base.core.types.ids import NOBODY, SessionId, TenantId, UserId
from api_base.core.types.jobs import RunningJob
from api_base.core.types.principal import Principal
from api_base.core.types.result import Err, Ok, Result

__all__ = [
    "NOBODY",
    "Err",
    "KeyedRequest",
    "Ok",
    "Principal",
    "RequestContext",
    "Result",
    "RunningJob",
    "SessionId",
    "TenantId",
    "UserId",
    "current_context",
    "request_tenant",
    "request_user",
]
