"""Ports: what the application needs of the outside, named for the role. Adapters are named for the technology."""

from api_base.core.protocols.after_response import AfterResponse
from api_base.core.protocols.audit import AuditStore
from api_base.core.protocols.background import PeriodicTask
from api_base.core.protocols.dependencies import CircuitState, DependencyFigures
from api_base.core.protocols.events import DeferredDeliveries, EventPublisher, StoredEvent
from api_base.core.protocols.health import HealthCheck, Probe
from api_base.core.protocols.idempotency import IdempotencyStore, StoredResult
from api_base.core.protocols.link_tokens import LinkTokens
from api_base.core.protocols.mail import Mail, Mailer
from api_base.core.protocols.metrics import Metrics
from api_base.core.protocols.passwords import BreachedPasswords, PasswordHasher, PasswordPolicy
from api_base.core.protocols.permissions import AccessLookup, PermissionChecker
from api_base.core.protocols.rate_limiter import Limit, RateDecision, RateLimiter
from api_base.core.protocols.recorder import RequestRecorder
from api_base.core.protocols.repository import AsyncRepository
from api_base.core.protocols.system import Clock, IdGenerator
from api_base.core.protocols.tokens import AccessToken, TokenClaims, TokenIssuer, TokenVerifier
from api_base.core.protocols.unit_of_work import Isolation, Savepoint, UnitOfWork, UnitOfWorkFactory

__all__ = [
    "AccessLookup",
    "AccessToken",
    "AfterResponse",
    "AsyncRepository",
    "AuditStore",
    "BreachedPasswords",
    "CircuitState",
    "Clock",
    "DeferredDeliveries",
    "DependencyFigures",
    "EventPublisher",
    "HealthCheck",
    "IdGenerator",
    "IdempotencyStore",
    "Isolation",
    "Limit",
    "LinkTokens",
    "Mail",
    "Mailer",
    "Metrics",
    "PasswordHasher",
    "PasswordPolicy",
    "PeriodicTask",
    "PermissionChecker",
    "Probe",
    "RateDecision",
    "RateLimiter",
    "RequestRecorder",
    "Savepoint",
    "StoredEvent",
    "StoredResult",
    "TokenClaims",
    "TokenIssuer",
    "TokenVerifier",
    "UnitOfWork",
    "UnitOfWorkFactory",
]
