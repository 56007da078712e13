"""IP addresses in one form, however a socket or a proxy writes them."""

import ipaddress
import re
from functools import lru_cache
from typing import Final

MAX_LENGTH: Final = 128
"""Characters of an address with zone and port. Longer text is none, and no cache keeps it."""
type Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NODE: Final = re.compile(r"\[([^\]]*)\](?::\w+)?|([^:]*):\w+|(.*)", re.DOTALL)
"""An address in brackets or an IPv4 address, either with a port, or an address alone [RFC 7239, section 6; RFC 3986, section 3.2.2]."""
_NETWORK_BITS: Final = 64
"""The part of an IPv6 address that a customer receives: the rest is the customer's own choice [RFC 6177]."""


def parse_address(text: str) -> Address | None:
    """Return the address in `text` without its port and zone, an IPv4-mapped one [RFC 4291, section 2.5.5.2] as IPv4; None if it is none."""
    return _parsed(text) if len(text) <= MAX_LENGTH else None


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address | None:
    match = _NODE.fullmatch(text.strip())
    assert match is not None  # the last alternative matches anything
    try:
        address = ipaddress.ip_address(next(part for part in match.groups() if part is not None).partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4096)
def canonical_address(text: str) -> str:
    """Return the address in `text` in its one form; anything else unchanged."""
    return text if (address := parse_address(text)) is None else str(address)


@lru_cache(maxsize=4096)
def limit_key(address: str) -> str:
    """Return what limits count `address` under: an IPv6 address by its network, anything else by itself."""
    parsed = parse_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((parsed, _NETWORK_BITS), strict=False))
    return canonical_address(address)
