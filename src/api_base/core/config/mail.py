"""The mail server, the sender, and the pages that links in mails open."""

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from api_base.core.config.values import ServiceUrl


class MailSettings(BaseModel):
    """Variables `MAIL__…`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: ServiceUrl = Field(
        SecretStr("console://"),
        description="`console://` prints mails to the worker's output. `smtp://user:password@host:587` upgrades to TLS by STARTTLS, "
        "`smtps://user:password@host:465` uses TLS from the start; write / ? # @ : in user and password as %2F %3F %23 %40 %3A.",
    )
    sender: str = Field("api-base@example.com", min_length=3, max_length=254, description="Address in the From header of mails.")
    links: str | None = Field(
        None,
        description="URL of the pages that links in mails open, as in `<links>/reset-password#token=…`. Default: the server's own pages at `/links`.",
    )

    @field_validator("sender")
    @classmethod
    def _address(cls, sender: str) -> str:
        name, at, domain = sender.rpartition("@")
        if not (name and at and domain) or not sender.isascii() or any(character.isspace() or character in '<>,;"' for character in sender):
            raise ValueError("must be an e-mail address without a name, such as no-reply@example.com")
        return sender

    @field_validator("links")
    @classmethod
    def _absolute(cls, links: str | None) -> str | None:
        if links is None:
            return None
        parts = urlsplit(links)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http(s) URL without query and fragment")
        return links.rstrip("/")
