"""The device of a login: a program and its network. The user gets a notice of each new device.

The program is the User-Agent without its numbers, so that an update does not count as a new device. The network is the first 16 bits of
an IPv4 address or the first 32 of an IPv6 address, the size that registries assign to providers [RFC 6177], so that a new DHCP lease does
not count either. An attacker who knows both can forge them; the notice detects those who do not.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import IPv4Address, ip_address
from typing import Final, Self
from uuid import UUID

from api_base.core.base import AggregateRoot
from api_base.core.types import UserId

MAX_LENGTH: Final = 200
"""Characters of a User-Agent that are stored."""
_A_DAY: Final = timedelta(days=1)
_NUMBERS: Final = re.compile(r"[0-9][0-9._]*")


@dataclass(slots=True, kw_only=True, eq=False)
class Device(AggregateRoot):
    """`id` is derived from user, program and network. `address` is the IP address of the first login."""

    user_id: UserId
    user_agent: str
    address: str
    created_at: datetime
    seen_at: datetime

    @classmethod
    def first_seen(cls, *, user_id: UserId, user_agent: str, address: str, now: datetime) -> Self:
        return cls(
            id=device_id(user_id, user_agent, address),
            user_id=user_id,
            user_agent=user_agent[:MAX_LENGTH],
            address=address,
            created_at=now,
            seen_at=now,
        )

    def seen_again(self, now: datetime) -> bool:
        """Update `seen_at`, at most once a day. Returns whether it changed."""
        if now - self.seen_at < _A_DAY:
            return False
        self.seen_at = now
        return True


def device_id(user_id: UserId, user_agent: str, address: str) -> UUID:
    """A UUIDv8 that is equal for equal programs in the same network [RFC 9562, section 5.8]."""
    program = _NUMBERS.sub("", user_agent[:MAX_LENGTH])
    digest = sha256(f"{user_id}\0{program}\0{_network(address)}".encode()).digest()
    number = int.from_bytes(digest[:16]) & ~(0xF << 76) | (8 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))


def _network(address: str) -> str:
    """The network part of `address` in hex; text that is not an IP address is returned unchanged."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = None if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
    packed = (mapped or parsed).packed
    return packed[: 2 if len(packed) == 4 else 4].hex()
