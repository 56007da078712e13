"""`EVENTS__URL=kafka://user:password@host:port,host:port?mechanism=SCRAM-SHA-256`, or `kafka+ssl://…?ca=/path/ca.pem` for TLS."""

from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from api_base.core.di import URL_ESCAPES
from api_base.infrastructure.kafka.connection import KafkaConnection

MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512")
_FORM: Final = f"must be kafka://user:password@host:port, or kafka+ssl://… for TLS; separate several brokers with commas, {URL_ESCAPES}"


def connection_at(url: str, prefix: str) -> KafkaConnection:
    """Parse `url`. Raises `ValueError`, which never shows the URL: it may hold a password."""
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError(_FORM) from None
    credentials, _, brokers = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    tls = parts.scheme == "kafka+ssl"
    if not (tls or parts.scheme == "kafka") or parts.path.strip("/") or parts.fragment or not all(map(_has_port, brokers.split(","))):
        raise ValueError(_FORM)
    if bool(user) != bool(password):
        raise ValueError("must have both user and password, or neither")
    mechanism, ca = parameters.pop("mechanism", MECHANISMS[-1]), parameters.pop("ca", None)
    if parameters:
        raise ValueError(f"has the unknown parameter {min(parameters)!r}; the parameters are mechanism and ca")
    if mechanism not in MECHANISMS:
        raise ValueError(f"must have {' or '.join(MECHANISMS)} as mechanism, not {mechanism!r}")
    if ca is not None and not tls:
        raise ValueError("has a ca, which requires TLS: write kafka+ssl://")
    if ca is not None and not Path(ca).is_file():
        raise ValueError(f"must name an existing PEM file as ca, not {ca!r}")
    return KafkaConnection(
        brokers=brokers,
        prefix=prefix,
        username=unquote(user) or None,
        password=unquote(password) or None,
        mechanism=mechanism,
        tls=tls,
        tls_ca=None if ca is None else Path(ca),
    )


def _has_port(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    return bool(host) and port.isascii() and port.isdecimal() and 0 < int(port) < 65_536
