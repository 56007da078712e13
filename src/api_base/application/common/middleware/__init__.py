"""The pipeline of every message: trace → permission → retry → unit of work → handler. Commands with a key and jobs have one more stage."""

from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.application.common.middleware.trace import TraceMiddleware
from api_base.application.common.middleware.unit_of_work import JobMiddleware, Transactions, UnitOfWorkMiddleware

__all__ = [
    "IdempotencyMiddleware",
    "JobMiddleware",
    "PermissionMiddleware",
    "RetryMiddleware",
    "TraceMiddleware",
    "Transactions",
    "UnitOfWorkMiddleware",
]
