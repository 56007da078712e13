"""The pipeline of every message: trace → permission → retry → unit of work → handler. A command with a key, and a job, run one stage more."""

from api_base.application.common.middleware.idempotency import IdempotencyMiddleware
from api_base.application.common.middleware.job import JobMiddleware
from api_base.application.common.middleware.permission import PermissionMiddleware
from api_base.application.common.middleware.retry import RetryMiddleware
from api_base.application.common.middleware.trace import TraceMiddleware
from api_base.application.common.middleware.unit_of_work import Transactions, UnitOfWorkMiddleware

__all__ = [
    "IdempotencyMiddleware",
    "JobMiddleware",
    "PermissionMiddleware",
    "RetryMiddleware",
    "TraceMiddleware",
    "Transactions",
    "UnitOfWorkMiddleware",
]
