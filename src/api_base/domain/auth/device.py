"""What somebody logs in from: a program, and the network it is in. A new one is told to the user.

A program is its User-Agent without numbers, so that an update is not news. A network is the first 16 bits of an IPv4 address or 32 of
an IPv6 one, which is what providers are given [RFC 6177 and the registries' practice], so that a new lease is not. Both can be forged
by who knows them: the notice finds those who do not.
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
"""Characters that are kept of a User-Agent."""
_A_DAY: Final = timedelta(days=1)
_NUMBERS: Final = re.compile(r"[0-9][0-9._]*")


@dataclass(slots=True, kw_only=True, eq=False)
class Device(AggregateRoot):
    """`id` is made of user, program and network. `address` is the one that it was first seen at."""

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
        """Note it, once a day; whether anything changed."""
        if now - self.seen_at < _A_DAY:
            return False
        self.seen_at = now
        return True


def device_id(user_id: UserId, user_agent: str, address: str) -> UUID:
    """The same for the same program in the same network [RFC 9562, section 5.8]."""
    program = _NUMBERS.sub("", user_agent[:MAX_LENGTH])
    digest = sha256(f"{user_id}\0{program}\0{_network(address)}".encode()).digest()
    number = int.from_bytes(digest[:16]) & ~(0xF << 76) | (8 << 76)
    return UUID(int=number & ~(0x3 << 62) | (0x2 << 62))


def _network(address: str) -> str:
    """An address that is none is its own network."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    mapped = None if isinstance(parsed, IPv4Address) else parsed.ipv4_mapped
    packed = (mapped or parsed).packed
    return packed[: 2 if len(packed) == 4 else 4].hex()
