"""Types shared by every layer: ids, the principal, results, and the context of a request (or job, delivery, command line call)."""

import re
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, NewType, Self
from uuid import UUID

from api_base.core.errors import Forbidden, Unauthenticated

UserId = NewType("UserId", UUID)
"""The id of a user. All ids are UUIDv7 [RFC 9562] from an `IdGenerator`."""
TenantId = NewType("TenantId", UUID)
"""The id of a tenant."""
SessionId = NewType("SessionId", UUID)

NO_USER: Final = UserId(UUID(int=0))
"""The actor of work that no user requested: the nil UUID [RFC 9562, section 5.9]."""

NO_TENANT: Final = UUID(int=0)
"""The owner of rows without a tenant, because a key has no nulls: the nil UUID, too."""


class Language(StrEnum):
    """A language tag [BCP 47]. A new language needs a template beside each existing one (docs/mail.md)."""

    EN = "en"
    PT = "pt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """The authenticated caller, acting in one tenant, or in none. A token names user, session and tenant, never permissions.

    `plan` is that of the tenant; None without one. `permissions` are those of the user's role in `tenant_id`, as of this request;
    platform administrators additionally hold those declared for the platform.
    """

    user_id: UserId
    session_id: SessionId | None
    tenant_id: TenantId | None
    role: str | None
    plan: str | None = None
    platform_admin: bool
    permissions: frozenset[str]

    @classmethod
    def without_permissions(cls, user_id: UserId, tenant_id: TenantId | None) -> Self:
        """A principal for work whose permission was checked earlier."""
        return cls(user_id=user_id, session_id=None, tenant_id=tenant_id, role=None, platform_admin=False, permissions=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A message of the public pages of a tenant, which `writes` if it is a command. `visitor` is the user behind it, of whatever tenant."""

    tenant_id: TenantId
    visitor: UserId | None
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Ok[T]:
    """Success with `value`."""

    value: T


@dataclass(frozen=True, slots=True)
class Err[E]:
    """A refusal that is committed; `error` is a domain error."""

    error: E


type Result[T, E] = Ok[T] | Err[E]
"""An expected outcome, a value or a refusal.

A command returns `Err` for a refusal whose state change must be kept (a failed login counts); a raise always rolls back.
Batch operations return one `Result` per element.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with an Idempotency-Key, executed once, however often the client sends it [draft-ietf-httpapi-idempotency-key-header].

    The key is valid for its tenant, user and `route`.

    `key` and `fingerprint` (of everything that makes two requests the same) are digests of 32 bytes: the database stores neither
    key nor body. `permanent`: the key never expires.
    """

    tenant_id: TenantId | None
    user_id: UserId
    route: str
    key: bytes
    fingerprint: bytes
    permanent: bool = False


@dataclass(slots=True, kw_only=True)
class KeyedExecution:
    """The execution of a keyed request. `IdempotencyMiddleware` writes it; the edge reads `replayed` for its response header.

    `command` is the message that executes the request. `orchestrated`: while another message runs that sends `command` and
    answers in its place. `replayed`: the answer is the stored one.
    """

    request: KeyedRequest
    command: object | None = None
    orchestrated: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """`subscription` handles the event `event_id`."""

    subscription: str
    event_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningJob:
    """One attempt of a worker at a job. `attempt` counts from 1; with `id` it identifies the attempt.

    `tenant_id` is None for a job of no tenant. `command` is the message that executes the job.
    """

    id: UUID
    tenant_id: TenantId | None
    attempt: int
    command: object


@dataclass(frozen=True, slots=True)
class DryRun:
    """The unit of work sends everything, so that every rule of the database is checked, and rolls it back."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The answer of a job's command whose unit of work has written the outcome of the job already."""


type Origin = KeyedExecution | Delivery | RunningJob | DryRun
"""What a unit of work is part of: a request with a key, the delivery of an event, or a job. Without one it is an ordinary request."""


_new: Final = tuple.__new__
"""Makes a named tuple in a third of the time of its class."""
_FLAGS: Final = tuple(f"{flags:02x}" for flags in range(256))
"""The flags as text: to format a number takes as long as the rest of a `traceparent`."""


class RequestContext(NamedTuple):
    """Created where the work starts, and never changed: to add information, create a new one.

    `request_id` is the client's valid id or a generated one; `trace_id`, `span_id` and `parent_span_id` (the caller's, or empty) are lower-case
    hex [W3C Trace Context]; `address` is the client's, through trusted proxies only. `path` and `accept_language` are what the client sent.
    `access_token` is the valid token of the principal, to forward; or empty. `origin` is what the unit of work is part of; None for an ordinary request.
    `tracestate` and `baggage` are valid, bounded, and passed on unchanged (`core.shared.trace_context`); usually empty.
    `visit`: the request looks at public pages. It has no principal then, so that whatever needs one refuses.

    A NamedTuple, because each request makes two of them: a frozen dataclass takes three times as long to make.
    """

    request_id: str
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    trace_flags: int = 0
    address: str = ""
    principal: Principal | None = None
    access_token: str = ""
    origin: Origin | None = None
    path: str = ""
    tracestate: str = ""
    baggage: str = ""
    visit: Visit | None = None
    accept_language: str = ""

    def __repr__(self) -> str:
        """Without the access token, which is a secret."""
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True) if name != "access_token")
        return f"RequestContext({shown})"

    @classmethod
    def caused_by(
        cls, request_id: str, traceparent: str, principal: Principal | None = None, origin: Origin | None = None
    ) -> "RequestContext":
        """The context of later work that a request caused, as part of its trace. `traceparent` is what `propagated` was, or empty."""
        traceparent, _, rest = traceparent.partition("\n")
        tracestate, _, baggage = rest.partition("\n")
        trace_id, span_id, flags = parent_of(traceparent.encode()) or ("", "", 0)
        caused = cls(request_id=request_id, trace_id=trace_id, span_id=span_id, trace_flags=flags, principal=principal, origin=origin)
        return caused._replace(tracestate=tracestate, baggage=baggage) if rest else caused

    def acting(self, principal: Principal, access_token: str = "") -> "RequestContext":
        """The same request as `principal`. Spelled out, because `_replace` takes several times as long."""
        id, trace_id, span_id, parent, flags, address, _, _, origin, path, state, baggage, visit, language = self
        values = (id, trace_id, span_id, parent, flags, address, principal, access_token, origin, path, state, baggage, visit, language)
        return _new(RequestContext, values)

    def visiting(self, tenant_id: TenantId, *, writes: bool = False) -> "RequestContext":
        """The same request as a visit to the public pages of a tenant: without the rights of its caller."""
        return self._replace(principal=None, access_token="", visit=Visit(tenant_id=tenant_id, visitor=self.user_id, writes=writes))

    def in_trace_of(self, other: "RequestContext") -> "RequestContext":
        """The same caller in the trace of `other`, whose span is the current one."""
        id, span, parent, flags, state, baggage = other[1], other[2], other[3], other[4], other.tracestate, other.baggage
        return self._replace(trace_id=id, span_id=span, parent_span_id=parent, trace_flags=flags, tracestate=state, baggage=baggage)

    def within(self, origin: Origin) -> "RequestContext":
        """The same request, whose unit of work is part of `origin`."""
        return self._replace(origin=origin)

    @property
    def traceparent(self) -> str:
        """The current span as the parent of others [W3C Trace Context, section 3.2]; empty without a trace."""
        return f"00-{self.trace_id}-{self.span_id}-{_FLAGS[self.trace_flags]}" if self.span_id else ""

    @property
    def propagated(self) -> str:
        """What later work receives: `traceparent`, and in further lines `tracestate` and `baggage` if there are any."""
        return f"{self.traceparent}\n{self.tracestate}\n{self.baggage}" if self.tracestate or self.baggage else self.traceparent

    @property
    def tenant_id(self) -> TenantId | None:
        """The tenant that the request acts for; None for an anonymous request, for a token without a tenant, and in a visit."""
        return None if self.principal is None else self.principal.tenant_id

    @property
    def user_id(self) -> UserId | None:
        """The user behind the request; None for an anonymous request."""
        if self.visit is not None:
            return self.visit.visitor
        return None if self.principal is None else self.principal.user_id


NO_REQUEST: Final = RequestContext(request_id="")
"""The context outside any request."""

_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?").fullmatch
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch


def parent_of(traceparent: bytes) -> tuple[str, str, int] | None:
    """Trace id, span id and flags of the caller; None if `traceparent` is not valid [W3C Trace Context, section 3.2]."""
    match = _TRACEPARENT(traceparent)
    if match is None or (match[4] is not None and match[0].startswith(b"00")):
        return None
    return match[1].decode(), match[2].decode(), int(match[3], 16) & 1


def valid_request_id(request_id: bytes) -> str | None:
    """A caller's request id, if it is safe in logs and headers; otherwise None."""
    return request_id.decode() if _REQUEST_ID(request_id) else None


current_context: ContextVar[RequestContext] = ContextVar("request_context")
"""Set where the work enters the application."""
cache_remaining: ContextVar[float | None] = ContextVar("cache_remaining", default=None)
"""For how many seconds the cached result may be used that this task received last."""
rows_to_lock: ContextVar[tuple[object, ...]] = ContextVar("rows_to_lock", default=())
"""The rows that the next unit of work locks before it reads: the last attempt failed on them."""


def request_tenant() -> TenantId:
    """The tenant of the current request, from its access token. Raises `Forbidden` if the token names none."""
    tenant = current_context.get().tenant_id
    if tenant is None:
        raise Forbidden("The operation requires a tenant. Switch to one first (POST /api/v1/tenants/{id}/switch).")
    return tenant


def readable_tenant() -> TenantId:
    """The tenant whose rows a message may read: the one whose public pages the request visits, or else that of the access token.

    In a visit the database shows public rows, and those of the visitor, only. Raises `Forbidden` if there is neither.
    """
    visit = current_context.get().visit
    return request_tenant() if visit is None else visit.tenant_id


def request_user() -> UserId:
    """The user behind the current request. Raises `Unauthenticated` for an anonymous request."""
    user = current_context.get().user_id
    if user is None:
        raise Unauthenticated("The operation requires authentication. Send an access token.")
    return user
