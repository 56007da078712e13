"""What is known about the current request (or job, delivery, command line call): one context variable, set where the work enters the application."""

import re
from contextvars import ContextVar
from typing import Final, NamedTuple

from api_base.core.errors import Forbidden, Unauthenticated
from api_base.core.types.ids import TenantId, UserId
from api_base.core.types.origin import Origin
from api_base.core.types.principal import Principal


class RequestContext(NamedTuple):
    """Created where the work starts, and never changed: to add information, create a new one.

    `request_id` is the client's valid id or a generated one; `trace_id`, `span_id` and `parent_span_id`
    (the caller's, or empty) are lower-case hex [W3C Trace Context]; `address` is the client's, through trusted proxies only.
    `access_token` is the valid token of the principal, for forwarding to other services; empty without one.
    `origin` is what the unit of work of this request is part of; None for an ordinary request.

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

    def __repr__(self) -> str:
        """Without the access token, which is a secret."""
        shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True) if name != "access_token")
        return f"RequestContext({shown})"

    @classmethod
    def caused_by(cls, request_id: str, traceparent: str, principal: Principal | None, origin: Origin) -> "RequestContext":
        """The context of later work that a request caused, as part of its trace. `traceparent` is empty if the request had no trace."""
        trace_id, span_id, flags = parent_of(traceparent.encode()) or ("", "", 0)
        return cls(request_id=request_id, trace_id=trace_id, span_id=span_id, trace_flags=flags, principal=principal, origin=origin)

    def acting(self, principal: Principal, access_token: str = "") -> "RequestContext":
        """The same request as `principal`. Spelled out, because `_replace` takes twice as long."""
        request_id, trace_id, span_id, parent_span_id, trace_flags, address, _, _, origin = self
        return RequestContext(request_id, trace_id, span_id, parent_span_id, trace_flags, address, principal, access_token, origin)

    def within(self, origin: Origin) -> "RequestContext":
        """The same request, whose unit of work is part of `origin`."""
        return self._replace(origin=origin)

    @property
    def traceparent(self) -> str:
        """The current span as the parent of others [W3C Trace Context, section 3.2]; empty without a trace."""
        return f"00-{self.trace_id}-{self.span_id}-{self.trace_flags:02x}" if self.span_id else ""

    @property
    def tenant_id(self) -> TenantId | None:
        """The tenant that the request acts for; None for an anonymous request and for a token without a tenant."""
        return None if self.principal is None else self.principal.tenant_id

    @property
    def user_id(self) -> UserId | None:
        """The user behind the request; None for an anonymous request."""
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


def request_tenant() -> TenantId:
    """The tenant of the current request, from its access token. Raises `Forbidden` if the token names none."""
    tenant = current_context.get().tenant_id
    if tenant is None:
        raise Forbidden("The operation requires a tenant. Switch to one first (POST /api/v1/tenants/{id}/switch).")
    return tenant


def request_user() -> UserId:
    """The user behind the current request. Raises `Unauthenticated` for an anonymous request."""
    user = current_context.get().user_id
    if user is None:
        raise Unauthenticated("The operation requires authentication. Send an access token.")
    return user
