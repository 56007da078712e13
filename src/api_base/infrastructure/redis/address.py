"""The URLs of Redis: one server, one behind Sentinel, or a Cluster."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from api_base.core.di import URL_ESCAPES, ca_file

SINGLE: Final = "redis://user:password@host:port/0"
SENTINEL: Final = "redis+sentinel://user:password@host:port,host:port/service/0"
CLUSTER: Final = "redis+cluster://user:password@host:port,host:port"
_FORMS: Final = {"redis": SINGLE, "redis+sentinel": SENTINEL, "redis+cluster": CLUSTER}
_PORTS: Final = {"redis": 6379, "redis+sentinel": 26379, "redis+cluster": 6379}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """Servers, as a URL names them. `hosts` are the server itself, the sentinels of `service`, or nodes of a cluster."""

    hosts: tuple[tuple[str, int], ...]
    options: dict[str, Any]
    tls: bool
    service: str | None
    sentinel_password: str | None
    cluster: bool

    def __str__(self) -> str:
        """The servers without user and password."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)


def address_at(url: str) -> RedisAddress:
    """Parse the URL of a server, of the sentinels of a service, or of nodes of a cluster. `rediss` in place of `redis` means TLS.

    The parameter `ca` names the authorities of TLS. User and password are those of the servers; the sentinels have the password
    `sentinel_password`, or none. Raises `ValueError`, which never shows the URL: it may hold a password.
    """
    scheme, tls = url.partition("://")[0].replace("rediss", "redis", 1), url.startswith("rediss")
    form = _FORMS.get(scheme, SINGLE)
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        credentials, _, netloc = parts.netloc.rpartition("@")
        hosts = tuple(_host(one, _PORTS[scheme]) for one in netloc.split(","))
        service, database = _place(scheme, parts.path.strip("/"))
        if parts.fragment or (scheme == "redis" and len(hosts) > 1):
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError(f"must be {form.replace('redis', 'rediss', 1) if tls else form}; {URL_ESCAPES}") from None
    ca = parameters.pop("ca", None)
    sentinel_password = parameters.pop("sentinel_password", None) if service else None
    if parameters:
        known = "parameters are ca and sentinel_password" if service else "parameter is ca"
        raise ValueError(f"has the unknown parameter {min(parameters)!r}; the {known}")
    user, _, password = credentials.partition(":")
    options: dict[str, Any] = {"db": database, "username": unquote(user) or None, "password": unquote(password) or None}
    if (authorities := ca_file(ca, tls=tls, scheme=scheme.replace("redis", "rediss", 1))) is not None:
        options["ssl_ca_certs"] = str(authorities)
    return RedisAddress(
        hosts=hosts, options=options, tls=tls, service=service, sentinel_password=sentinel_password, cluster=scheme == "redis+cluster"
    )


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port or port


def _place(scheme: str, path: str) -> tuple[str | None, int]:
    """Return service and database. Raises `ValueError` for a path that is neither."""
    if scheme == "redis+sentinel" and path:
        service, _, database = path.partition("/")
        return unquote(service), int(database or 0)
    if (path and (scheme != "redis" or not path.isascii() or not path.isdecimal())) or scheme == "redis+sentinel":
        raise ValueError
    return None, int(path or 0)
