"""Determine the client's address behind proxies. Only the part of the list that trusted proxies wrote is used."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

from api_base.core.config.server import ForwardedHeader
from api_base.core.shared.addresses import canonical_address, parse_address

_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;"\s]*))', re.IGNORECASE)


class ClientAddress:
    """`trusted` are addresses or networks (CIDR) of proxies; `header` is the one that they write.

    A proxy passes on the header that it does not write as the client sent it: only one may be believed.
    """

    def __init__(self, trusted: Sequence[str], header: ForwardedHeader) -> None:
        self._networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
        self._header = header

    def of(self, peer: str, x_forwarded_for: bytes | None, forwarded: bytes | None) -> str:
        """Return the rightmost address that is not a trusted proxy; `peer` if the peer itself is not trusted."""
        nodes = _addresses(x_forwarded_for) if self._header == "x-forwarded-for" else _nodes(forwarded)
        address = canonical_address(peer)
        for node in nodes if self._networks else ():
            if not self._trusted(address) or parse_address(node) is None:
                break
            address = canonical_address(node)
        return address

    def _trusted(self, address: str) -> bool:
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _addresses(header: bytes | None) -> Iterator[str]:
    """Yield the addresses from right to left: the last proxy's first."""
    return iter(()) if header is None else reversed(header.decode("latin-1").split(","))


def _nodes(header: bytes | None) -> Iterator[str]:
    """Yield the `for` parameters [RFC 7239, section 5.2], empty where an element has none."""
    for element in _addresses(header):
        match = _FOR.search(element)
        yield "" if match is None else match[1] or match[2] or ""
