"""The settings that `ENVIRONMENT=production` refuses.

Adapters declare themselves whether they are unsafe (`core.di.Adapter.unsafe`). The pool refuses roles that bypass policies when it opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

    from api_base.core.config.settings import Settings


def unsafe_in_production(settings: Settings, optional: Collection[str] = ()) -> list[str]:
    """Return each problem as `VARIABLE: what is wrong and what to write`, without secrets. This process does without the `optional` variables."""
    problems = []
    database, server = settings.database, settings.server
    if not settings.security.signing_keys:
        problems.append("SECURITY__SIGNING_KEYS: is required: an Ed25519 key in PEM (openssl genpkey -algorithm ed25519).")
    if settings.mail.links is None:
        problems.append(
            "MAIL__LINKS: is required: the URL of your pages, or of this server's own pages, such as https://api.example.com/links."
        )
    if not database.embedded:  # the adapter of the embedded server is refused as unsafe
        problems += _roles(settings, optional)
    if "*" in server.cors_origins and server.cors_credentials:
        problems.append("SERVER__CORS_ORIGINS: `*` cannot be combined with SERVER__CORS_CREDENTIALS; list the origins.")
    return problems


def _roles(settings: Settings, optional: Collection[str]) -> list[str]:
    database = settings.database
    urls = {"DATABASE__URL": database.url, "DATABASE__OWNER_URL": database.owner_url, "DATABASE__WORKER_URL": database.worker_url}
    problems = [f"{name}: is required." for name, url in urls.items() if url is None and name not in optional]
    users: dict[str, str] = {}
    for name, url in urls.items():
        if url is not None:
            user = unquote(urlsplit(url.get_secret_value()).username or "")
            if user in users:
                problems.append(
                    f"{name}: has the same role as {users[user]}; write a URL with another role, since owner, app and worker must be three roles."
                )
            users.setdefault(user, name)
    return problems
