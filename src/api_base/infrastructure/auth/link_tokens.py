"""Link tokens: ids, and an HMAC-SHA256 over them by a key of the server's [RFC 2104] that is derived from a signing key [RFC 5869].

Rows hold nothing that could be used, and a mail that is sent again carries the same token. The first key seals, all open: a token
outlives a rotation as access tokens do.
"""

import base64
import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api_base.infrastructure.auth.keys import SigningKey

_ID, _TAG, _MOST_IDS = 16, 32, 4
_INFO: Final = b"api_base link tokens v1"


class HmacLinkTokens:
    """Implements `LinkTokens`."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = [HKDF(SHA256(), 32, salt=None, info=_INFO).derive(key.private.private_bytes_raw()) for key in keys]

    def seal(self, purpose: str, *ids: UUID) -> str:
        """The token that names `ids`, good for `purpose` alone."""
        named = b"".join(id.bytes for id in ids)
        return base64.urlsafe_b64encode(named + _tag(self._keys[0], purpose, named)).rstrip(b"=").decode()

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        """The ids; None for what is no token for `purpose`. Takes the same time whatever is wrong with the tag."""
        try:
            raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        named, tag = raw[:-_TAG], raw[-_TAG:]
        if not named or len(named) % _ID or len(named) > _ID * _MOST_IDS:
            return None
        genuine = [hmac.compare_digest(tag, _tag(key, purpose, named)) for key in self._keys]
        return tuple(UUID(bytes=named[at : at + _ID]) for at in range(0, len(named), _ID)) if any(genuine) else None


def _tag(key: bytes, purpose: str, named: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + named, "sha256")
