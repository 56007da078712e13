"""What is known of the request (or command line call) in hand: one contextvar, set once at the outside."""

import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from api_base.core.errors import Forbidden, Unauthenticated
from api_base.core.types.idempotency import KeyedRequest
from api_base.core.types.ids import TenantId, UserId
from api_base.core.types.jobs import RunningJob
from api_base.core.types.principal import Principal


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """Filled in from the outside inwards: the middlewares write, everyone else reads.

    `request_id` is a sane token of the client's or one of ours; `trace_id`, `span_id` and `parent_span_id`
    (the caller's, or empty) are lower-case hex [W3C Trace Context]; `address` is the client's, behind trusted proxies only.
    `after_response` is done once the answer is out, in order: what the caller must not be able to tell by the time it takes.
    `access_token` is the good one that the principal came with, to be forwarded to services that it also is for; empty without one.
    `keyed` is set where the request is to be carried out once.
    `refusal` is what was refused to which account (None: to none that is known), where the status alone would not tell.
    `delivery` is the subscription and the event that it handles, `job` what a worker carries out, where this is no request.
    """

    request_id: str
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    trace_flags: int = 0
    address: str = ""
    route: str = ""
    principal: Principal | None = None
    access_token: str = field(default="", repr=False)
    keyed: KeyedRequest | None = None
    refusal: tuple[str, UserId | None] | None = None
    delivery: tuple[str, UUID] | None = None
    job: RunningJob | None = None
    after_response: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    @classmethod
    def caused_by(cls, request_id: str, traceparent: str, principal: Principal | None) -> "RequestContext":
        """Of what is done after the request that caused it, as a part of its trace; `traceparent` is empty where nobody traced it."""
        trace_id, span_id, flags = parent_of(traceparent.encode()) or ("", "", 0)
        return cls(request_id=request_id, trace_id=trace_id, span_id=span_id, trace_flags=flags, principal=principal)

    @property
    def traceparent(self) -> str:
        """The request in hand as the parent of what others do for it or after it [W3C Trace Context, section 3.2]; empty where nobody traces."""
        return f"00-{self.trace_id}-{self.span_id}-{self.trace_flags:02x}" if self.span_id else ""

    @property
    def tenant_id(self) -> TenantId | None:
        """The tenant that the request acts for; None for an anonymous one, and for a token that names none."""
        return None if self.principal is None else self.principal.tenant_id

    @property
    def user_id(self) -> UserId | None:
        """The user behind the request; None for an anonymous one."""
        return None if self.principal is None else self.principal.user_id


NO_REQUEST: Final = RequestContext(request_id="")
"""What is known where no request is in hand."""

_TRACEPARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?").fullmatch
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}").fullmatch


def parent_of(traceparent: bytes) -> tuple[str, str, int] | None:
    """Trace id, span id and flags of the caller; None where `traceparent` is not valid [W3C Trace Context, section 3.2]."""
    match = _TRACEPARENT(traceparent)
    if match is None or (match[4] is not None and match[0].startswith(b"00")):
        return None
    return match[1].decode(), match[2].decode(), int(match[3], 16) & 1


def valid_request_id(request_id: bytes) -> str | None:
    """A caller's request id, fit for logs and headers; None where it is not."""
    return request_id.decode() if _REQUEST_ID(request_id) else None


current_context: ContextVar[RequestContext] = ContextVar("request_context")


def request_tenant() -> TenantId:
    """The tenant of the request in hand, from its access token. Raises `Forbidden` where it names none."""
    tenant = current_context.get().tenant_id
    if tenant is None:
        raise Forbidden("This needs a tenant: switch to one first (POST /api/v1/tenants/{id}/switch).")
    return tenant


def request_user() -> UserId:
    """The user behind the request in hand. Raises `Unauthenticated` for an anonymous one."""
    user = current_context.get().user_id
    if user is None:
        raise Unauthenticated("This needs a signed-in user.")
    return user
