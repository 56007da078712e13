"""The pipeline every message runs through: trace → permission → retry → unit of work → idempotency → job → handler."""

from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.job import JobMiddleware
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.application.common.middleware.trace import TraceMiddleware
from api_base.application.common.middleware.unit_of_work import UnitOfWorkMiddleware

__all__ = ["IdempotencyMiddleware", "JobMiddleware", "PermissionMiddleware", "RetryMiddleware", "TraceMiddleware", "UnitOfWorkMiddleware"]
