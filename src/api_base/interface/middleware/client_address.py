"""Who is asking, behind proxies: `X-Forwarded-For` is believed only from trusted ones, and only as far as they wrote it."""

import ipaddress
from collections.abc import Sequence

from api_base.core.errors import ConfigurationError


class ClientAddress:
    """`trusted` are addresses or networks (CIDR). Raises `ConfigurationError` for what is neither."""

    def __init__(self, trusted: Sequence[str]) -> None:
        try:
            self._networks = [ipaddress.ip_network(one, strict=False) for one in trusted]
        except ValueError as error:
            raise ConfigurationError(f"SERVER__TRUSTED_PROXIES: {error}") from None

    def of(self, peer: str, forwarded_for: bytes | None) -> str:
        """The rightmost address that is no trusted proxy's; the peer's where it is not trusted itself."""
        if forwarded_for is None or not self._networks or not self._trusted(peer):
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
