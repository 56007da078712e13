"""How the server answers HTTP, and the limits of its calls to other services."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from api_base.core.config.values import Section, address_or_network, client_url, host_pattern, origin

ForwardedHeader = Literal["x-forwarded-for", "forwarded"]


class ServerSettings(Section):
    """Variables `SERVER__…`."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(8000, ge=1, le=65535)
    """Port to listen on."""
    workers: int = Field(1, ge=1, le=64)
    """Number of server processes."""
    public_url: Annotated[str, AfterValidator(client_url)] | None = None
    """URL under which clients reach the server, such as `https://api.example.com`, or `https://example.com/shop` behind a proxy, which may keep
    or remove the path. Default: the address that it listens on."""
    trusted_proxies: tuple[Annotated[str, AfterValidator(address_or_network)], ...] = ()
    """Addresses or networks (CIDR) of the proxies whose header about the client is believed."""
    forwarded_header: ForwardedHeader = "x-forwarded-for"
    """The header in which these proxies name the client: `x-forwarded-for`, or `forwarded` of RFC 7239."""
    documents: Literal["auto", "public", "hidden"] = "auto"
    """Whether anybody may read `/docs`, `/openapi.json`, `/asyncapi.json`, the schemas of events, and the dependencies in `/health/ready`.
    `auto`: `hidden` in production, otherwise `public`."""
    openapi_version: Literal["3.1", "3.2"] = "3.1"
    """The version of OpenAPI in which `/openapi.json` is written. 3.2 has the method QUERY and the items of streams; not every tool reads it."""
    allowed_hosts: tuple[Annotated[str, AfterValidator(host_pattern)], ...] = ()
    """Host names that requests may be for, such as `api.example.com` or `*.example.com`; empty for any. Any other is `421`."""
    max_header_bytes: int = Field(32_768, ge=1024, le=1_048_576)
    """Maximum size of a request's header section, in bytes."""
    max_header_fields: int = Field(100, ge=10, le=10_000)
    """Maximum number of header fields of a request."""
    max_body_bytes: int = Field(1_048_576, ge=1024)
    """Maximum size of a request body, in bytes, unless a route declares another."""
    request_timeout_seconds: float = Field(30.0, gt=0, le=600)
    """Seconds after which the answer to a request is 503."""
    first_byte_timeout_seconds: float = Field(10.0, gt=0, le=600)
    """Seconds that a new connection has to begin a request."""
    header_timeout_seconds: float = Field(10.0, gt=0, le=600)
    """Seconds from the first byte of a request to the end of its header."""
    body_timeout_seconds: float = Field(10.0, gt=0, le=600)
    """Seconds to wait for the next part of a request body."""
    write_timeout_seconds: float = Field(30.0, gt=0, le=3600)
    """Seconds that a client has to read what the server could not send immediately."""
    shutdown_timeout_seconds: float = Field(20.0, gt=0, le=600)
    """Seconds that running requests have to finish at shutdown."""
    keep_alive_timeout_seconds: int = Field(5, ge=1, le=600)
    """Seconds that an idle connection stays open: set it longer than the proxy in front keeps its connections."""
    max_connections: int = Field(2000, ge=10, le=100_000)
    """Maximum connections of one server process. Beyond it, a new connection closes the one that has been idle longest, or waits
    shortly and is then refused with `503`."""
    max_connections_per_address: int = Field(100, ge=1)
    """The same for one client address (IPv6: one /64), except for trusted proxies and loopback addresses."""
    concurrency: int = Field(50, ge=1, le=10_000)
    """Requests that one server process works on at the same time. Others wait shortly, and are then refused with `503`."""
    cors_origins: tuple[Annotated[str, AfterValidator(origin)], ...] = ()
    """Origins such as `https://app.example.com` that browsers may call from, or `*` for any."""
    cors_credentials: bool = False
    """Whether browsers may send cookies and `Authorization` from those origins."""

    @property
    def public_prefix(self) -> str:
        """The path of `public_url`; empty without one."""
        return urlsplit(self.public_url or "").path


class ResilienceSettings(Section):
    """Variables `RESILIENCE__…`. They apply to every dependency except the database, whose pool has its own bounds."""

    timeout_seconds: float = Field(10.0, gt=0, le=600)
    """Seconds that one attempt of a call may take."""
    attempts: int = Field(3, ge=1, le=10)
    """Attempts of a call that may be repeated; 1 disables retries."""
    concurrency: int = Field(20, ge=1, le=10_000)
    """Concurrent calls to one dependency."""
    queue_size: int = Field(100, ge=0, le=100_000)
    """Calls to one dependency that may wait for one of those; further calls are refused."""
    window_seconds: float = Field(30.0, gt=0, le=3600)
    """Seconds over which the circuit breaker counts calls."""
    minimum_calls: int = Field(10, ge=1, le=100_000)
    """Calls in that time below which the circuit does not open."""
    failure_rate: float = Field(0.5, gt=0, le=1)
    """Fraction of those calls that must fail to open the circuit."""
    slow_seconds: float = Field(5.0, gt=0, le=600)
    """Seconds after which a call counts as slow."""
    slow_rate: float = Field(1.0, gt=0, le=1)
    """Fraction of those calls that must be slow to open the circuit."""
    open_seconds: float = Field(30.0, gt=0, le=3600)
    """Seconds that an open circuit refuses calls."""
