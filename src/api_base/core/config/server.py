"""How HTTP is served: addresses, limits, origins."""

from pydantic import BaseModel, ConfigDict, Field


class ServerSettings(BaseModel):
    """Variables `SERVER__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    workers: int = Field(1, ge=1, le=64, description="Number of server processes.")
    trusted_proxies: tuple[str, ...] = Field((), description="Addresses or networks (CIDR) whose `X-Forwarded-For` is believed.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="Largest request body, in bytes, unless a route says otherwise.")
    request_timeout: float = Field(30.0, gt=0, le=600, description="Seconds after which a request is answered 503.")
    shutdown_timeout: float = Field(20.0, gt=0, le=600, description="Seconds that requests in hand have to finish at shutdown.")
    keep_alive_timeout: int = Field(
        5, ge=1, le=600, description="Seconds that an idle connection is kept: longer than the proxy before it keeps its own."
    )
    cors_origins: tuple[str, ...] = Field((), description="Origins that browsers may call from, or `*`.")
    cors_credentials: bool = Field(False, description="Whether browsers may send cookies and authorization from those origins.")
