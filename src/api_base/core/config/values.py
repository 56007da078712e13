"""What the sections share: their base class and types of values. A message of a secret value never shows the value."""

import ipaddress
import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

_CONTEXT: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,49}")
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|[0-9a-f:]*:[0-9a-f:.]*", re.IGNORECASE)
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_PLAN: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_CLIENT_URL: Final = re.compile(r"(?P<origin>https?://[^/?#]+)(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*/?")
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


class Section(BaseModel):
    """A section of the settings. The prefix of its variables is its name in `Settings`; the docstrings of its fields describe them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def _service_url(url: SecretStr) -> SecretStr:
    try:
        parts = urlsplit(url.get_secret_value())
        well_formed = bool(parts.scheme) and "://" in url.get_secret_value()
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError("must be a URL such as scheme://user:password@host:port")
    return url


def _private_key(key: SecretStr) -> SecretStr:
    if not _PEM.match(key.get_secret_value().strip()):
        raise ValueError("must be a private key in PEM that starts with -----BEGIN PRIVATE KEY----- (openssl genpkey -algorithm ed25519)")
    return key


ServiceUrl = Annotated[SecretStr, AfterValidator(_service_url)]
"""The URL of a service, secret because it may hold a password. Its adapter checks scheme, host and parameters."""
Prefix = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{1,100}$")]
"""What the names of an application begin with on a server that others use too."""
PrivateKey = Annotated[SecretStr, AfterValidator(_private_key)]
"""A private key in PEM. The code that reads it checks the kind of key."""


def address_or_network(value: str) -> str:
    """Return the value unchanged. Raises `ValueError` unless it is an IP address or a network (CIDR)."""
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise ValueError("must be an IP address or a network such as 10.0.0.0/8") from None
    return value


def baggage_key(value: str) -> str:
    """Return a key of `baggage` [W3C Baggage, section 3.3]. `*` is valid there, but would be read as all keys: it is refused. Raises `ValueError`."""
    if not re.fullmatch(r"[!#$%&'+.^_`|~0-9A-Za-z-]{1,100}", value):
        raise ValueError("must be a key such as user.plan: at most 100 letters, digits and !#$%&'+.^_`|~-")
    return value


def host_pattern(value: str) -> str:
    """Return the value in lower case. Raises `ValueError` unless it is a host name, an IP address, or `*.` and a domain."""
    if not _HOST.fullmatch(value):
        raise ValueError("must be a host without scheme and port, such as api.example.com or *.example.com")
    return value.lower()


def origin(value: str) -> str:
    """Return the value unchanged. Raises `ValueError` unless it is `*` or an origin [RFC 6454, section 6.2]."""
    try:
        parts = urlsplit(value)
        valid = (
            bool(parts.scheme and parts.hostname) and value == f"{parts.scheme}://{parts.netloc}" and not re.search(r"[@\s]", parts.netloc)
        )
        _ = parts.port
    except ValueError:
        valid = False
    if value != "*" and not valid:
        raise ValueError("must be * or an origin such as https://app.example.com, without a path")
    return value


def client_url(value: str) -> str:
    """Return the value without a slash at its end. Raises `ValueError` unless it is the origin of a web server, with a path or without."""
    found = _CLIENT_URL.fullmatch(value)
    try:
        valid = found is not None and origin(found["origin"]) != "*"
    except ValueError:
        valid = False
    if not valid:
        raise ValueError(
            "must be a URL such as https://api.example.com or https://example.com/shop: its path has letters, digits and -._~ only"
        )
    return value.rstrip("/")


def media_type(value: str) -> str:
    """Return the value in lower case. Raises `ValueError` unless it is a media type without parameters [RFC 6838, section 4.2]."""
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError("must be a media type without parameters, such as image/png")
    return value.lower()


def context_path(value: str) -> str:
    """Return the value unchanged. Raises `ValueError` unless it is `package.module:ATTRIBUTE`."""
    if not _CONTEXT.fullmatch(value):
        raise ValueError("must be package.module:ATTRIBUTE")
    return value


def context_name(value: str) -> str:
    """Return the value unchanged. Raises `ValueError` unless it can be the name of a context."""
    if not _NAME.fullmatch(value):
        raise ValueError("must be the name of a built-in context, such as items")
    return value


def plan_name(value: str) -> str:
    """Return the value unchanged. Raises `ValueError` unless it is a name of at most 32 characters."""
    if not _PLAN.fullmatch(value):
        raise ValueError("must be a name of at most 32 of a-z, 0-9, - and _ that begins with a letter")
    return value
