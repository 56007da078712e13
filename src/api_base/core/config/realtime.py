"""Settings of real-time delivery."""

from pydantic import Field, SecretStr

from api_base.core.config.values import Prefix, Section, ServiceUrl


class RealtimeSettings(Section):
    """Variables `REALTIME__…`."""

    url: ServiceUrl = SecretStr("database://")
    """How processes learn that a channel has new events: `database://`, notifications of PostgreSQL, or Redis or Valkey, with the URLs of
    `CACHE__URL`. Events themselves are always read from PostgreSQL."""
    prefix: Prefix = "api-base"
    """Prefix of the application's channels in Redis. No two applications may share one."""
    keep_events: int = Field(1000, ge=1, le=100_000)
    """Events that a channel keeps. A client that missed more gets a reset."""
    keep_hours: int = Field(24, ge=1, le=720)
    """Hours that events are kept."""
    max_channels: int = Field(50, ge=1, le=1000)
    """Channels that one connection may receive."""
    max_members: int = Field(1000, ge=1, le=10_000)
    """Members of the presence of one channel."""
    max_sessions: int = Field(5000, ge=1, le=100_000)
    """Connections for events in one process."""
    max_sessions_per_user: int = Field(20, ge=1, le=10_000)
    """Connections of one user in one process."""
    max_sessions_per_address: int = Field(200, ge=1, le=100_000)
    """Connections of one client address in one process."""
