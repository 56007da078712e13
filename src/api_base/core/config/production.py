"""What `ENVIRONMENT=production` refuses, as far as settings alone tell. Roles that bypass policies are refused when the pool opens."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from api_base.core.config.settings import Settings


def unsafe_in_production(settings: Settings) -> list[str]:
    """Each problem as `VARIABLE: what is wrong and what to do`. No secret appears in it."""
    problems = []
    database, server = settings.database, settings.server
    if settings.debug:
        problems.append("DEBUG: must be false")
    if not settings.security.signing_keys:
        problems.append(
            "SECURITY__SIGNING_KEYS: at least one Ed25519 key is needed: '[\"-----BEGIN PRIVATE KEY-----…\"]' (openssl genpkey -algorithm ed25519)"
        )
    mail = urlsplit(settings.mail.url.get_secret_value())
    if mail.scheme == "console":
        problems.append("MAIL__URL: `console://` shows links that let people in; give smtp://user:password@host:587 or smtps://…")
    if settings.mail.links is None:
        problems.append("MAIL__LINKS: is needed: the URL of your pages, or of this server's own, such as https://api.example.com/links")
    if database.embedded:
        problems.append("DATABASE__URL: the embedded server is for development; give the URL of a PostgreSQL server")
    else:
        problems += _roles(settings)
    if "*" in server.cors_origins and server.cors_credentials:
        problems.append("SERVER__CORS_ORIGINS: `*` cannot be combined with SERVER__CORS_CREDENTIALS; name the origins")
    return problems


def _roles(settings: Settings) -> list[str]:
    database = settings.database
    urls = {"DATABASE__URL": database.url, "DATABASE__OWNER_URL": database.owner_url, "DATABASE__WORKER_URL": database.worker_url}
    problems = [f"{name}: is needed" for name, url in urls.items() if url is None]
    users: dict[str, str] = {}
    for name, url in urls.items():
        if url is not None:
            user = unquote(urlsplit(url.get_secret_value()).username or "")
            if user in users:
                problems.append(f"{name}: has the same role as {users[user]}; owner, app and worker must be three roles")
            users.setdefault(user, name)
    return problems
