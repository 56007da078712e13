"""Background jobs."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api_base.core.config.values import ServiceUrl


class JobSettings(BaseModel):
    """Variables `JOBS__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: ServiceUrl = Field(
        SecretStr("database://"),
        description="How jobs reach workers: `database://`, or RabbitMQ at `amqp://user:password@host:port/vhost`, `amqps://…` for TLS.",
    )
    concurrency: int = Field(64, ge=1, le=1000, description="Jobs that one worker runs concurrently.")
    grace_seconds: float = Field(20.0, ge=0, le=600, description="Seconds that running jobs have to finish when a worker stops.")
    keep_days: int = Field(7, ge=7, le=365, description="Days that succeeded jobs are kept, with their results.")
