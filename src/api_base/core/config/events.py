"""Where events go after their commit."""

from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class EventSettings(BaseModel):
    """Variables `EVENTS__…`. All but `url` are for Kafka."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        "database://",
        description="Where events are published: `database://`, to subscribers here, or `kafka://host:port`, several brokers by commas.",
    )
    prefix: str = Field(
        "api-base",
        pattern=r"^[a-zA-Z0-9._-]{1,100}$",
        description="What the application's topics, groups and transactions begin with. Each application has its own.",
    )
    username: str | None = Field(None, min_length=1, description="User for SASL/SCRAM; without one nobody is asked who he is.")
    password: SecretStr | None = Field(None, description="The user's password.")
    mechanism: Literal["SCRAM-SHA-256", "SCRAM-SHA-512"] = Field("SCRAM-SHA-512", description="How the password is proved.")
    tls: bool = Field(False, description="Whether the brokers are spoken to by TLS; their certificates are checked.")
    tls_ca: Path | None = Field(None, description="File with the authorities (PEM) that sign the brokers' certificates; else the system's.")

    @property
    def kafka(self) -> bool:
        """Whether events go by way of Kafka."""
        return self.url != "database://"

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise ValueError("a password does not belong into the URL: use EVENTS__USERNAME and EVENTS__PASSWORD")
        if url != "database://" and not (parts.scheme == "kafka" and all(_has_port(broker) for broker in parts.netloc.split(","))):
            raise ValueError("must be `database://` or `kafka://host:port`, several brokers by commas")
        return url

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("EVENTS__USERNAME and EVENTS__PASSWORD go together")
        if self.tls_ca is not None and not self.tls:
            raise ValueError("EVENTS__TLS_CA is of no use without EVENTS__TLS=true")
        if self.tls_ca is not None and not self.tls_ca.is_file():
            raise ValueError(f"EVENTS__TLS_CA: there is no file {str(self.tls_ca)!r}")
        return self


def _has_port(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    return bool(host) and port.isdecimal()
