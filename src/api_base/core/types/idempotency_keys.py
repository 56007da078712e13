"""Idempotency-Key: how long one is, and the digests of a request that has one. The database stores neither key nor body."""

import hashlib
from typing import Final

MAX_KEY_LENGTH: Final = 255
"""Characters."""


def key_digest(key: bytes) -> bytes:
    """The digest of a key, which the database stores."""
    return _digest(key, b"key")


def fingerprint(key: bytes, content: bytes) -> hashlib.blake2b:
    """A digest of `content`; update it with everything else that makes two requests the same.

    Its key is a secret of the client: a request may hold a password, and a bare digest of it could be guessed.
    """
    return hashlib.blake2b(content, digest_size=32, key=_digest(key, b"fingerprint"))


def _digest(key: bytes, use: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=32, person=use).digest()
