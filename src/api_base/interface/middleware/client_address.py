"""Determine the client's address behind proxies. Only the part of `X-Forwarded-For` that trusted proxies wrote is used."""

import ipaddress
from collections.abc import Sequence

from api_base.core.errors import ConfigurationError


class ClientAddress:
    """`trusted` are addresses or networks (CIDR). Raises `ConfigurationError` for anything else."""

    def __init__(self, trusted: Sequence[str]) -> None:
        try:
            self._networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
        except ValueError as error:
            raise ConfigurationError(f"SERVER__TRUSTED_PROXIES: {error}") from None

    def of(self, peer: str, forwarded_for: bytes) -> str:
        """Return the rightmost address that is not a trusted proxy; `peer` if the peer itself is not trusted."""
        if not self._networks or not self._trusted(peer):
            return peer
        address = peer
        for part in reversed(forwarded_for.decode("latin-1").split(",")):
            try:
                candidate = str(ipaddress.ip_address(part.strip()))
            except ValueError:
                return address
            address = candidate
            if not self._trusted(address):
                return address
        return address

    def _trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._networks)
