"""The middleware stack of production, first to last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from starlette.middleware import Middleware

from api_base.core.config import Settings
from api_base.core.protocols import AuditStore, RequestRecorder
from api_base.core.types import Language
from api_base.interface.errors.shape import ProblemShape
from api_base.interface.errors.translation import Catalogue
from api_base.interface.middleware.audit import AuditMiddleware
from api_base.interface.middleware.auth import AuthMiddleware, Schemes
from api_base.interface.middleware.client_address import ClientAddress
from api_base.interface.middleware.cors import CORSMiddleware
from api_base.interface.middleware.http_exchange import RouteFinder, RouteMatcher
from api_base.interface.middleware.languages import CataloguesMiddleware
from api_base.interface.middleware.logging import CallerFlags, LoggingMiddleware
from api_base.interface.middleware.prefix import PrefixMiddleware
from api_base.interface.middleware.problem_shapes import ProblemShapeMiddleware
from api_base.interface.middleware.rate_limit import RateLimitMiddleware, RequestLimits
from api_base.interface.middleware.security_headers import SecurityHeadersMiddleware, security_headers
from api_base.interface.public_url import PublicPathMiddleware

EXEMPT: Final = ("/health/", "/metrics")
SECURITY: Final = {
    "content_security_policy": "default-src 'self'",
    "x_frame_options": "DENY",
    "x_content_type_options": "nosniff",
    "strict_transport_security": "max-age=31536000; includeSubDomains",
    "referrer_policy": "strict-origin-when-cross-origin",
    "permissions_policy": "geolocation=(), microphone=(), camera=()",
}
"""Headers of every response, preflights included."""
DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
)
"""The policy for /docs only: it allows the vendored script and style, and calls to this API."""
REFERENCE_POLICY: Final = DOCS_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
"""The policy for /docs/reference: its script makes its styles."""
GRAPHIQL_POLICY: Final = f"{DOCS_POLICY}; font-src data:"
"""The policy for /docs/graphiql: its style sheet contains its fonts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPorts:
    """The dependencies of the middlewares. `routes` finds the route of a request, `schemes` its credentials."""

    recorder: RequestRecorder
    limits: RequestLimits
    schemes: Schemes
    audit: AuditStore[Any]
    routes: RouteFinder


def stack(
    settings: Settings,
    ports: StackPorts,
    by_prefix: Mapping[str, Sequence[Middleware]] = MappingProxyType({}),
    version: Middleware | None = None,
    shapes: Mapping[str, ProblemShape] = MappingProxyType({}),
    catalogues: Mapping[Language, Catalogue] = MappingProxyType({}),
) -> list[Middleware]:
    """Return the middlewares, first to last; the dispatcher follows. Without allowed origins there is no CORSMiddleware.

    `version` finds that of the API where the path does not say it. `by_prefix` are those of contexts, which see only requests below their prefix, behind all guards. `shapes` are those of errors below a prefix.
    `catalogues` are the sentences of errors, where contexts bring some.
    """
    server = settings.server
    address = ClientAddress(server.trusted_proxies, server.forwarded_header)
    return [
        *([Middleware(PublicPathMiddleware, prefix=server.public_prefix)] if server.public_prefix else ()),
        *([Middleware(ProblemShapeMiddleware, by_prefix=shapes)] if shapes else ()),
        *([Middleware(CataloguesMiddleware, catalogues=catalogues)] if catalogues else ()),
        Middleware(
            LoggingMiddleware,
            recorder=ports.recorder,
            address=address,
            timeout=server.request_timeout_seconds,
            sample_ratio=settings.observability.trace_sample_ratio,
            flags=CallerFlags(address, settings.observability.trace_callers_per_second),
        ),
        *([_cors(settings)] if server.cors_origins else ()),
        Middleware(
            SecurityHeadersMiddleware,
            **SECURITY,
            policies={"/docs": DOCS_POLICY, "/docs/reference": REFERENCE_POLICY, "/docs/graphiql": GRAPHIQL_POLICY},
        ),
        *([] if version is None else [version]),
        Middleware(RouteMatcher, routes=ports.routes, credentials=ports.schemes),
        Middleware(RateLimitMiddleware, limits=ports.limits, exempt=EXEMPT),
        Middleware(AuthMiddleware, exempt=EXEMPT),
        Middleware(AuditMiddleware, store=ports.audit),
        *([Middleware(PrefixMiddleware, by_prefix=by_prefix)] if by_prefix else ()),
    ]


def _cors(settings: Settings) -> Middleware:
    server = settings.server
    return Middleware(
        CORSMiddleware, origins=server.cors_origins, credentials=server.cors_credentials, preflight_headers=security_headers(**SECURITY)
    )
