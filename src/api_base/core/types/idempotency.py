"""A request that is to be carried out once, however often it is sent [draft-ietf-httpapi-idempotency-key-header]."""

import hashlib
from dataclasses import dataclass
from typing import Final

from api_base.core.types.ids import TenantId, UserId

MAX_KEY_LENGTH: Final = 255
"""Characters."""


@dataclass(slots=True, kw_only=True)
class KeyedRequest:
    """One that came with an Idempotency-Key, which counts for its tenant, user and `route`.

    `key` and `fingerprint` (what the request asks) are digests of 32 bytes: what is stored tells neither key nor body.
    `command` is the one that carries it out. `orchestrated`: another message sent that command, and answers instead of it.
    `replayed`: the answer is the one that was kept.
    """

    tenant_id: TenantId | None
    user_id: UserId
    route: str
    key: bytes
    fingerprint: bytes
    command: object | None = None
    orchestrated: bool = False
    replayed: bool = False


def key_digest(key: bytes) -> bytes:
    """What is stored of a key."""
    return _digest(key, b"key")


def fingerprint(key: bytes, asked: bytes) -> hashlib.blake2b:
    """A digest of `asked`, to be updated with what else makes requests the same.

    It is keyed by what nobody stores: a request may hold a password, and a bare digest of it could be guessed at.
    """
    return hashlib.blake2b(asked, digest_size=32, key=_digest(key, b"fingerprint"))


def _digest(key: bytes, use: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=32, person=use).digest()
