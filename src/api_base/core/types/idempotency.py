"""A request that is executed once, however often the client sends it [draft-ietf-httpapi-idempotency-key-header]."""

import hashlib
from dataclasses import dataclass
from typing import Final

from api_base.core.types.ids import TenantId, UserId

MAX_KEY_LENGTH: Final = 255
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A request with an Idempotency-Key. The key is valid for its tenant, user and `route`.

    `key` and `fingerprint` (of everything that makes two requests the same) are digests of 32 bytes: the database stores neither
    key nor body.
    """

    tenant_id: TenantId | None
    user_id: UserId
    route: str
    key: bytes
    fingerprint: bytes


@dataclass(slots=True, kw_only=True)
class KeyedExecution:
    """The execution of a keyed request. `IdempotencyMiddleware` writes it; the edge reads `replayed` for its response header.

    `command` is the message that executes the request. `orchestrated`: while another message runs that sends `command` and
    answers in its place. `replayed`: the answer is the stored one.
    """

    request: KeyedRequest
    command: object | None = None
    orchestrated: bool = False
    replayed: bool = False


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
