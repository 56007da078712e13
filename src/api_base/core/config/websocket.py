"""The limits of WebSockets."""

from pydantic import Field

from api_base.core.config.values import Section


class WebSocketSettings(Section):
    """Variables `WEBSOCKET__…`. The numbers of connections are those of one server process."""

    max_connections: int = Field(2500, ge=1, le=100_000)
    """Open WebSockets. Others are refused with `503`."""
    max_connections_per_user: int = Field(50, ge=1)
    """Open WebSockets of one user. Others are closed with 1008."""
    max_unauthenticated: int = Field(200, ge=1)
    """Open WebSockets that have not authenticated. Others are refused with `503`."""
    max_unauthenticated_per_address: int = Field(20, ge=1)
    """The same for one client address (IPv6: one /64). Others are refused with `429`."""
    authentication_timeout_seconds: float = Field(5.0, gt=0, le=60)
    """Seconds in which a new WebSocket must authenticate."""
    max_first_message_bytes: int = Field(4096, ge=256, le=65_536)
    """Maximum size of a message before authentication, in bytes."""
    max_message_bytes: int = Field(65_536, ge=1024, le=16_777_216)
    """Maximum size of a message after authentication, in bytes, decompressed."""
    frames_per_second: int = Field(50, ge=1, le=100_000)
    """Frames that a client may send each second, on average."""
    frame_burst: int = Field(200, ge=1, le=100_000)
    """Frames that a client may send within a moment."""
    ping_interval_seconds: float = Field(20.0, gt=0, le=600)
    """Seconds of silence after which the server sends a ping; the client has the same time to answer."""
    idle_timeout_seconds: float = Field(600.0, gt=0, le=86_400)
    """Seconds without a message after which a WebSocket without a subscription is closed."""
    max_queue_bytes: int = Field(1_048_576, ge=4096)
    """Bytes that wait for a client that reads slowly."""
    max_queue_messages: int = Field(2000, ge=1)
    """Messages that wait for a client that reads slowly."""
    deflate: bool = True
    """Whether messages are compressed for clients that offer it (RFC 7692)."""
