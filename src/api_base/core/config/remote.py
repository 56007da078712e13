"""Commands and queries between services."""

from pydantic import BaseModel, ConfigDict, Field

from api_base.core.config.values import ServiceUrl


class RemoteSettings(BaseModel):
    """Variables `REMOTE__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: ServiceUrl | None = Field(
        None,
        description="RabbitMQ through which services execute each other's messages, `amqp://user:password@host:port/vhost`, `amqps://…` for TLS. "
        "A service is addressed by its APP_NAME. Default: no remote messages.",
    )
    concurrency: int = Field(10, ge=1, le=1000, description="Messages from other services that a worker handles concurrently.")
