"""URLs that grant one request on one object until they expire: what they grant, and an HMAC-SHA256 [RFC 2104] of it.

The keys are derived from the signing keys. The first one signs, all of them verify: a URL survives a rotation as an access token does.
"""

import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from api_base.core.errors import Forbidden, ProgrammingError
from api_base.core.protocols import Ticket
from api_base.core.shared import base64url

PATH: Final = "/storage"
_TAG: Final = 32
_INVALID: Final = (
    "The URL grants nothing: it is incomplete or changed, has expired, or is for another method. Ask the application for another one."
)


class SignedUrls:
    """`keys` returns the secrets; it is called when the first URL is signed or verified. `base` is the origin of the URLs."""

    def __init__(self, keys: Callable[[], Sequence[bytes]], base: str) -> None:
        self._keys, self._base = keys, base

    def url(self, ticket: Ticket) -> str:
        """Return the URL. Raises `ProgrammingError` for a disposition that is not one line of ASCII."""
        if not (ticket.disposition.isascii() and (ticket.disposition.isprintable())):
            raise ProgrammingError("A Content-Disposition must be printable ASCII; encode other names as in RFC 8187.")
        granted = json.dumps(asdict(ticket), separators=(",", ":")).encode()
        return f"{self._base}{PATH}/{base64url.encode(granted + _tag(self._keys()[0], granted))}"

    def ticket(self, text: str, method: str, now: datetime) -> Ticket:
        """Return what the last segment of a URL grants for a method. Raises `Forbidden`."""
        try:
            raw = base64url.decode(text)
        except ValueError:
            raise Forbidden(_INVALID) from None
        granted, tag = raw[:-_TAG], raw[-_TAG:]
        genuine = [hmac.compare_digest(tag, _tag(key, granted)) for key in self._keys()]
        if not any(genuine) or base64url.encode(raw) != text:  # the decoder ignores spare bits
            raise Forbidden(_INVALID)
        ticket = Ticket(**json.loads(granted))
        if ticket.method != method or ticket.expires <= now:
            raise Forbidden(_INVALID)
        return ticket


def _tag(key: bytes, granted: bytes) -> bytes:
    return hmac.digest(key, granted, "sha256")
