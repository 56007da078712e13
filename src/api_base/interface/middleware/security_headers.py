"""Security headers on every response [OWASP Secure Headers]. The documentation page has its own content security policy."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from api_base.interface.middleware.http_exchange import http_exchange_of


class SecurityHeadersMiddleware:
    """`policies` maps paths to content security policies that replace the default."""

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
        common = {
            "x_frame_options": x_frame_options,
            "x_content_type_options": x_content_type_options,
            "strict_transport_security": strict_transport_security,
            "referrer_policy": referrer_policy,
            "permissions_policy": permissions_policy,
        }
        self._headers = security_headers(content_security_policy=content_security_policy, **common)
        self._special = {path: security_headers(content_security_policy=policy, **common) for path, policy in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            http_exchange_of(scope).added += self._special.get(scope["path"], self._headers)
        await self._app(scope, receive, send)


def security_headers(**values: str) -> list[tuple[bytes, bytes]]:
    """Header lines of the given names and values, for example `x_frame_options="DENY"`."""
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]
