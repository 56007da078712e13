"""The URLs of Elasticsearch and OpenSearch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from api_base.core.di import ca_file, check_url

FORM: Final = "{engine}+http{s}://user:password@host:port"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchAddress:
    """A server, as a URL names it. `engine` is `elasticsearch` or `opensearch`."""

    engine: str
    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None

    @property
    def origin(self) -> str:
        """Return the URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.tls else ''}://{host}:{self.port}"


def address_at(url: str) -> SearchAddress:
    """Parse `elasticsearch+http://user:password@host:port`, or `…+https://…?ca=/path/ca.pem` for TLS.

    Raises `ValueError`, which never shows the URL: it may hold a password.
    """
    scheme = url.partition("://")[0]
    engine, _, transport = scheme.partition("+")
    tls = transport == "https"
    check_url(url, FORM.format(engine=engine, s="s" if tls else ""), lambda parts: bool(parts.hostname) and parts.path in ("", "/"))
    parts = urlsplit(url)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    ca = parameters.pop("ca", None)
    if parameters:
        raise ValueError(f"has the unknown parameter {min(parameters)!r}; the parameter is ca")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("must have both user and password, or neither")
    return SearchAddress(
        engine=engine,
        host=parts.hostname or "",
        port=parts.port or 9200,
        tls=tls,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ca=ca_file(ca, tls=tls, scheme=f"{engine}+https"),
    )
