"""The transport of committed events."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from api_base.core.config.values import ServiceUrl


class EventSettings(BaseModel):
    """Variables `EVENTS__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: ServiceUrl = Field(
        SecretStr("database://"),
        description="Where events are published: `database://`, to the subscribers of this application, or "
        "`kafka://user:password@host:port`, `kafka+ssl://…` for TLS; separate several brokers with commas. "
        "`?mechanism=SCRAM-SHA-256` replaces the default `SCRAM-SHA-512`, `ca=/path/ca.pem` replaces the system's certificate authorities; "
        "write / ? # @ : in user and password as %2F %3F %23 %40 %3A.",
    )
    prefix: str = Field(
        "api-base",
        pattern=r"^[a-zA-Z0-9._-]{1,100}$",
        description="Prefix of the application's Kafka topics, groups and transactions. No two applications may share one.",
    )
