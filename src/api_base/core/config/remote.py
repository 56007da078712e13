"""Commands and queries between services."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from api_base.core.config.amqp import checked


class RemoteSettings(BaseModel):
    """Variables `REMOTE__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr | None = Field(
        None,
        description="RabbitMQ through which services execute each other's messages, `amqp://user:password@host:port/vhost`, `amqps://…` for TLS. "
        "A service is addressed by its APP_NAME. Default: no remote messages.",
    )
    concurrency: int = Field(10, ge=1, le=1000, description="Messages from other services that a worker handles concurrently.")

    @field_validator("url")
    @classmethod
    def _well_formed(cls, url: SecretStr | None) -> SecretStr | None:
        return None if url is None else checked(url)
