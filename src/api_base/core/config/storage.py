"""Where files are stored, which contents are accepted, and what scans them."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from api_base.core.config.values import Section, ServiceUrl, media_type, origin

_ENCRYPTION: Final = re.compile(r"none|sse-s3|sse-kms(:[!-~]{1,2048})?")


_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_OPEN_DOCUMENT: Final = "application/vnd.oasis.opendocument"
ALLOWED_TYPES: Final = (
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/json",
    "application/x-ndjson",
    "application/zip",
    f"{_OFFICE}.presentationml.presentation",
    f"{_OFFICE}.spreadsheetml.sheet",
    f"{_OFFICE}.wordprocessingml.document",
    f"{_OPEN_DOCUMENT}.presentation",
    f"{_OPEN_DOCUMENT}.spreadsheet",
    f"{_OPEN_DOCUMENT}.text",
    "audio/mpeg",
    "text/csv",
    "text/markdown",
    "text/plain",
    "video/mp4",
)


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

    allowed_types: tuple[Annotated[str, AfterValidator(media_type)], ...] = ALLOWED_TYPES
    """Media types that contents may have, found by their bytes. SVG and HTML, which can carry scripts, are sent as downloads if you add them."""
    max_image_pixels: int = Field(50_000_000, ge=1, le=100_000_000)
    """Pixels that an image may have, width times height. A decoded one takes up to 12 bytes for each."""

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


class ScannerSettings(Section):
    """Variables `SCANNER__…`."""

    url: ServiceUrl = SecretStr("none://")
    """What searches files for malware before they can be downloaded: `none://`, nothing, or ClamAV at `clamav:///run/clamav/clamd.ctl` or
    `clamav://host:3310`. A file that could not be scanned stays pending."""
    max_bytes: int = Field(104_857_600, ge=1, le=4_294_967_295)
    """Bytes above which a file is too large for the scanner. Not above MaxFileSize and StreamMaxLength of ClamAV, which calls larger files clean;
    docs/content.md."""
    timeout_seconds: float = Field(120.0, gt=0, le=3600)
    """Seconds that each step may take: to connect, to send 256 KiB, to wait for the verdict."""
