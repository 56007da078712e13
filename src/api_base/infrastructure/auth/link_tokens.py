"""Link tokens: ids with an HMAC-SHA256 [RFC 2104], keyed by a key derived from a signing key [RFC 5869].

The database stores nothing that grants access, and a repeated e-mail carries the same token. The first key seals, all keys open: tokens
survive a key rotation as access tokens do.
"""

import hmac
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from api_base.core.protocols import LinkTokens
from api_base.core.shared import base64url
from api_base.infrastructure.auth.keys import SigningKey

_ID, _TAG, _MAX_IDS = 16, 32, 4
_INFO: Final = b"api_base link tokens v1"


class HmacLinkTokens(LinkTokens):
    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._keys = [derived(key, _INFO) for key in keys]

    def seal(self, purpose: str, *ids: UUID) -> str:
        """A token that names `ids` and is valid for `purpose` only."""
        named = b"".join(id.bytes for id in ids)
        return base64url.encode(named + _tag(self._keys[0], purpose, named))

    def open(self, purpose: str, token: str) -> tuple[UUID, ...] | None:
        """The ids of a token for `purpose`, or None for any other text. Compares the tag in constant time."""
        try:
            raw = base64url.decode(token)
        except ValueError:
            return None
        if base64url.encode(raw) != token:  # the decoder also reads the standard alphabet and ignores spare bits
            return None
        named, tag = raw[:-_TAG], raw[-_TAG:]
        if not named or len(named) % _ID or len(named) > _ID * _MAX_IDS:
            return None
        genuine = [hmac.compare_digest(tag, _tag(key, purpose, named)) for key in self._keys]
        return tuple(UUID(bytes=named[at : at + _ID]) for at in range(0, len(named), _ID)) if any(genuine) else None


def derived(key: SigningKey, info: bytes) -> bytes:
    """Return a secret for the purpose `info`, derived from a signing key."""
    return HKDF(SHA256(), 32, salt=None, info=info).derive(key.private.private_bytes_raw())


def _tag(key: bytes, purpose: str, named: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + named, "sha256")
