"""The settings that `ENVIRONMENT=production` refuses.

Adapters declare themselves whether they are unsafe (`core.di.Adapter.unsafe`). The pool refuses roles that bypass policies when it opens.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from api_base.core.config.security import Link
    from api_base.core.config.settings import Settings

_ENCRYPTED: Final = {
    "amqp": "amqps://…",
    "clamav": "clamav:///path/of/the/socket",
    "elasticsearch+http": "elasticsearch+https://…",
    "http": "https://…",
    "kafka": "kafka+ssl://…",
    "opensearch+http": "opensearch+https://…",
    "redis": "rediss://…",
    "s3": "s3://…?endpoint=https://…",
    "redis+cluster": "rediss+cluster://…",
    "redis+sentinel": "rediss+sentinel://…",
}
"""The scheme to write instead of one that does not encrypt. SMTP in production requires STARTTLS."""
_WIDEST: Final = {4: 8, 6: 16}
"""Prefix lengths below which a public network of trusted proxies contains strangers."""
_LEAST_SCORE: Final = 2


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
    if server.cors_credentials and "*" in server.cors_origins:
        problems.append("SERVER__CORS_ORIGINS: `*` cannot be combined with SERVER__CORS_CREDENTIALS; list the origins.")
    elif server.cors_credentials and (unencrypted := [one for one in server.cors_origins if not _protected(one)]):
        problems.append(f"SERVER__CORS_ORIGINS: {', '.join(unencrypted)} may not send credentials without TLS; write https://….")
    for text in server.trusted_proxies:
        network = ipaddress.ip_network(text, strict=False)
        if network.prefixlen < _WIDEST[network.version] and not network.is_private:
            problems.append(f"SERVER__TRUSTED_PROXIES: {text} lets strangers choose their address; list your own proxies.")
    if {_text(key) for key in settings.security.signing_keys} & {_text(key) for key in settings.audit.signing_keys}:
        problems.append("AUDIT__SIGNING_KEYS: contains a key of SECURITY__SIGNING_KEYS; make a key for each purpose.")
    if settings.security.password_min_score < _LEAST_SCORE:
        problems.append(f"SECURITY__PASSWORD_MIN_SCORE: must be at least {_LEAST_SCORE}, or guessable passwords are accepted.")
    allowed = settings.security.allow_unencrypted
    problems += [
        f"{line}, or allow it in SECURITY__ALLOW_UNENCRYPTED." for name, line in unencrypted_links(settings) if name not in allowed
    ]
    return problems


def unencrypted_links(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each variable whose URL leads to another host without TLS, and what to write. Unix sockets and loopback are protected."""
    database, observability = settings.database, settings.observability
    urls: dict[Link, object] = {
        "DATABASE__URL": database.url,
        "DATABASE__OWNER_URL": database.owner_url,
        "DATABASE__WORKER_URL": database.worker_url,
        "DATABASE__DIRECT_URL": database.direct_url,
        "CACHE__URL": settings.cache.url,
        "RATE_LIMIT__URL": settings.rate_limit.url,
        "EVENTS__URL": settings.events.url,
        "JOBS__URL": settings.jobs.url,
        "LOCKS__URL": settings.locks.url,
        "REALTIME__URL": settings.realtime.url,
        "REMOTE__URL": settings.remote.url,
        "SCANNER__URL": settings.scanner.url,
        "STORAGE__URL": settings.storage.url,
        "SEARCH__URL": settings.search.url,
        "OBSERVABILITY__OTLP_ENDPOINT": observability.otlp_endpoint,
        "MAIL__LINKS": settings.mail.links,
    }
    for name, url in urls.items():
        if url is not None and not _protected(text := _text(url)):
            form = _ENCRYPTED.get(urlsplit(text).scheme, "…?sslmode=verify-full")
            yield name, f"{name}: is not encrypted; write {form}"


def _protected(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "s3":
        return _protected(parse_qs(parts.query).get("endpoint", ["https://"])[-1])
    if parts.scheme in ("postgresql", "postgres"):
        options = parse_qs(parts.query)
        if options.get("sslmode", [""])[-1] in ("require", "verify-ca", "verify-full"):
            return True
        hosts = options.get("host", [])[-1:] or _hosts(parts.netloc)
    elif parts.scheme in _ENCRYPTED:
        hosts = _hosts(parts.netloc)
    else:
        return True
    return all(_local(host) for one in hosts for host in one.split(","))


def _hosts(netloc: str) -> list[str]:
    return [urlsplit(f"//{one}").hostname or "" for one in netloc.rpartition("@")[2].split(",")]


def _local(host: str) -> bool:
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


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
