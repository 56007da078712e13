"""Determine the client's address behind proxies. Only the part of the list that trusted proxies wrote is used."""

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final

from api_base.core.config.server import ForwardedHeader
from api_base.core.shared.addresses import canonical_address, parse_address

_ELEMENT_REVERSED: Final = re.compile(r'(?:[^",]++|"(?:[^"]|"\\)*+")*+')
_PARAMETER: Final = re.compile(r'((?:[^";]++|"(?:[^"\\]|\\.)*+")*+)(?:;|$)')
"""Quoted strings [RFC 9110, section 5.6.4] may contain what separates elements and parameters: proxies quote what clients send."""


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
            if not self.trusts(address) or parse_address(node) is None:
                break
            address = canonical_address(node)
        return address

    def trusts(self, address: str) -> bool:
        """Return whether an address in its canonical form is that of a trusted proxy."""
        parsed = parse_address(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _addresses(header: bytes | None) -> Iterator[str]:
    """Yield the addresses from right to left: the last proxy's first."""
    return iter(()) if header is None else (one for one in reversed(header.decode("latin-1").split(",")) if one.strip())


def _nodes(header: bytes | None) -> Iterator[str]:
    """Yield the `for` parameters [RFC 7239, section 5.2], empty where an element has none."""
    for element in _elements("" if header is None else header.decode("latin-1")):
        yield _for(element)


def _for(element: str) -> str:
    position = 0
    while position < len(element) and (match := _PARAMETER.match(element, position)):
        name, _, value = match[1].partition("=")
        if name.strip().lower() == "for":
            return value.strip().strip('"')
        position = match.end()
    return ""


def _elements(header: str) -> Iterator[str]:
    """Yield the elements that are not empty from right to left, up to one that is malformed: a client may have sent it."""
    text, position = header[::-1], 0
    while position < len(text) and (match := _ELEMENT_REVERSED.match(text, position)):
        if match[0].strip():
            yield match[0][::-1]
        if text[match.end() : match.end() + 1] != ",":
            return
        position = match.end() + 1
