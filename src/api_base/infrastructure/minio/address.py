"""The bucket that `s3://key:secret@bucket?region=…&endpoint=…` names."""

import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from api_base.core.di import check_url

FORM: Final = "s3://key:secret@bucket?region=eu-west-1&endpoint=https://host:port"
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PARAMETERS: Final = {"region", "endpoint"}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Address:
    """Without `key`, the credentials are those that AWS's tools find: variables, files, roles. Without `endpoint`, the bucket is at AWS."""

    bucket: str
    region: str | None
    endpoint: str | None
    key: str | None
    secret: str | None = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises `ValueError`, which never shows the URL."""
        check_url(url, FORM, _valid)
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query))
        return cls(
            bucket=parts.hostname or "",
            region=parameters.get("region"),
            endpoint=parameters.get("endpoint"),
            key=unquote(parts.username) if parts.username else None,
            secret=unquote(parts.password) if parts.password else None,
        )

    def __str__(self) -> str:
        return f"{self.bucket} at {self.endpoint or 'AWS'}"


def _valid(parts: SplitResult) -> bool:
    parameters = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else []
    endpoint = urlsplit(dict(parameters).get("endpoint", "https://host"))
    return (
        _BUCKET.fullmatch(parts.hostname or "") is not None
        and parts.port is None
        and parts.path in ("", "/")
        and bool(parts.username) == bool(parts.password)
        and {name for name, _ in parameters} <= _PARAMETERS
        and len(dict(parameters)) == len(parameters)
        and endpoint.scheme in ("http", "https")
        and bool(endpoint.hostname)
        and endpoint.path in ("", "/")
        and not (endpoint.query or endpoint.username)
    )
