"""Where messages for other services go, and theirs for this one come from."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from api_base.core.config.amqp import checked


class RemoteSettings(BaseModel):
    """Variables `REMOTE__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr | None = Field(
        None,
        description="RabbitMQ by which services execute each other's messages, `amqp://user:password@host:port/vhost` or `amqps://…`. Each is known there by its APP_NAME. Default: none are executed.",
    )
    at_once: int = Field(10, ge=1, le=1000, description="Messages of other services that a worker carries out at the same time.")

    @field_validator("url")
    @classmethod
    def _well_formed(cls, url: SecretStr | None) -> SecretStr | None:
        return None if url is None else checked(url)
