"""Refresh tokens: opaque to the client, with 256 secret bits [RFC 9700, section 4.14].

A token holds the ids of its user and session (so that the session is read under the user's own row-level policy), its generation, a
secret and a tag. The database stores only the SHA-256 of the secret. The tag proves that a token of an earlier generation was issued
by this server: without it, anyone who knows the ids could end a session by sending random bytes.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from api_base.core.shared import base64url
from api_base.core.types import SessionId, UserId

_IDS, _GENERATION, _SECRET, _TAG = 32, 4, 32, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    user_id: UserId
    session_id: SessionId
    generation: int
    secret: bytes = field(repr=False)
    tag: bytes = field(repr=False)

    @classmethod
    def issue(cls, *, user_id: UserId, session_id: SessionId, generation: int, secret: bytes, tag_key: bytes) -> Self:
        tag = cls._tag(user_id, session_id, generation, secret, tag_key)
        return cls(user_id=user_id, session_id=session_id, generation=generation, secret=secret, tag=tag)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The token that `text` encodes; None if `text` does not have the form of a refresh token."""
        try:
            raw = base64url.decode(text)
        except ValueError:
            return None
        if len(raw) != _IDS + _GENERATION + _SECRET + _TAG:
            return None
        ids, rest = raw[:_IDS], raw[_IDS:]
        return cls(
            user_id=UserId(UUID(bytes=ids[:16])),
            session_id=SessionId(UUID(bytes=ids[16:])),
            generation=int.from_bytes(rest[:_GENERATION]),
            secret=rest[_GENERATION : _GENERATION + _SECRET],
            tag=rest[_GENERATION + _SECRET :],
        )

    def text(self) -> str:
        raw = self.user_id.bytes + self.session_id.bytes + self.generation.to_bytes(_GENERATION) + self.secret + self.tag
        return base64url.encode(raw)

    def genuine(self, tag_key: bytes) -> bool:
        """Whether this token was issued for its session. Runs in constant time."""
        return hmac.compare_digest(self.tag, self._tag(self.user_id, self.session_id, self.generation, self.secret, tag_key))

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.secret).digest()

    @staticmethod
    def _tag(user_id: UUID, session_id: UUID, generation: int, secret: bytes, tag_key: bytes) -> bytes:
        message = user_id.bytes + session_id.bytes + generation.to_bytes(_GENERATION) + secret
        return hmac.digest(tag_key, message, "sha256")[:_TAG]


def new_secret() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(_SECRET)


def successor_secret(secret: bytes, nonce: bytes) -> bytes:
    """The secret of the next generation: equal for equal nonces, and not computable from the database, which never stores `secret`."""
    return hmac.digest(secret, b"successor" + nonce, "sha256")
