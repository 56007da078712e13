"""Where files are stored."""

import re
from typing import Final, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from api_base.core.config.values import Section, ServiceUrl, origin

_ENCRYPTION: Final = re.compile(r"none|sse-s3|sse-kms(:[!-~]{1,2048})?")


class StorageSettings(Section):
    """Variables `STORAGE__…`."""

    url: ServiceUrl = SecretStr("file://")
    """Where the contents of files are: `file://`, in `DATABASE__DATA_DIR`, `file:///directory`, both for the processes of one machine, or S3 at
    `s3://key:secret@bucket?region=eu-west-1`, `s3://key:secret@bucket?endpoint=https://host:port` for compatible servers. Without a key, the
    usual variables of AWS (`AWS_ACCESS_KEY_ID` …) and roles apply; write / ? # @ : in key and secret as %2F %3F %23 %40 %3A."""
    public_url: str | None = None
    """Origin of the URLs by which browsers read and write files directly, such as `https://files.example.com`: one that has no cookies of your
    application. It leads to this server, or to the same S3. Default: this server, or the endpoint of S3."""
    encryption: str = Field("none", max_length=2100)
    """Encryption at rest, by S3: `none`, `sse-s3`, `sse-kms` or `sse-kms:<key id>`. The files of `file://` are not encrypted."""

    @field_validator("public_url")
    @classmethod
    def _origin(cls, public_url: str | None) -> str | None:
        if public_url is not None and (public_url == "*" or not origin(public_url).startswith(("http://", "https://"))):
            raise ValueError("must be an http(s) origin such as https://files.example.com, without a path")
        return public_url

    @field_validator("encryption")
    @classmethod
    def _known(cls, encryption: str) -> str:
        if _ENCRYPTION.fullmatch(encryption) is None:
            raise ValueError("must be none, sse-s3, sse-kms or sse-kms:<key id>")
        return encryption

    @model_validator(mode="after")
    def _supported(self) -> Self:
        if self.encryption != "none" and self.url.get_secret_value().startswith("file:"):
            raise ValueError("cannot encrypt the files of file://: set STORAGE__ENCRYPTION=none, and encrypt the disk instead")
        return self
