"""Security headers on every response [OWASP Secure Headers]. The documentation page has its own content security policy."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.middleware.http_exchange import http_exchange_of


class SecurityHeadersMiddleware:
    """`policies` replaces the content security policy for the paths that are its keys."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        content_security_policy: str,
        x_frame_options: str,
        x_content_type_options: str,
        strict_transport_security: str,
        referrer_policy: str,
        permissions_policy: str,
        policies: Mapping[str, str],
    ) -> None:
        self._app = app
        common = [
            (b"x-frame-options", x_frame_options.encode()),
            (b"x-content-type-options", x_content_type_options.encode()),
            (b"strict-transport-security", strict_transport_security.encode()),
            (b"referrer-policy", referrer_policy.encode()),
            (b"permissions-policy", permissions_policy.encode()),
        ]
        self._headers = [(b"content-security-policy", content_security_policy.encode()), *common]
        self._special = {path: [(b"content-security-policy", policy.encode()), *common] for path, policy in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            http_exchange_of(scope).added += self._special.get(scope["path"], self._headers)
        await self._app(scope, receive, send)
