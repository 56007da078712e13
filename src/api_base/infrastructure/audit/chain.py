"""The hash chain of the audit trail: how records are sealed, linked and signed.

A seal covers the records of one chain in one batch: the id, time and SHA-256 of each, in order, and the hash of the previous seal.
A signed head states that a chain has reached a certain seal. Hashes and signatures cover JSON with a fixed order of fields. A field that
is added later must have a default, which the encoding omits, so that earlier hashes stay valid.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api_base.infrastructure.serialization.json_codec import encode_strictly

BEGINNING: Final = bytes(32)
"""The previous hash of the first seal of a chain."""


class Position(NamedTuple):
    """The end of a batch in the order of all records of all chains."""

    transaction_id: int
    sequence: int


START: Final = Position(0, 0)


class Record(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A row of `audit` with all columns; `before` and `after` in PostgreSQL's text form."""

    tenant_id: UUID
    transaction_id: int
    sequence: int
    at: datetime
    id: UUID
    actor_id: UUID | None
    request_id: str
    trace_id: str
    address: str
    action: str
    entity: str
    entity_id: UUID | None
    before: str | None
    after: str | None

    @property
    def position(self) -> Position:
        return Position(self.transaction_id, self.sequence)

    def digest(self) -> bytes:
        return hashlib.sha256(b"api-base audit record 1\n" + encode_strictly(self)).digest()


class Seal(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A link of the chain. `at` is its creation time; `transaction_id` and `sequence` are the end of its batch."""

    chain: UUID
    number: int
    transaction_id: int
    sequence: int
    at: datetime
    ids: Sequence[UUID]
    times: Sequence[datetime]
    digests: Sequence[bytes]
    previous: bytes
    hash: bytes

    @classmethod
    def of(cls, records: Sequence[Record], *, number: int, previous: bytes, position: Position, at: datetime) -> "Seal":
        """The seal of `records`, which belong to one chain and are in order."""
        seal = cls(
            chain=records[0].tenant_id,
            number=number,
            transaction_id=position.transaction_id,
            sequence=position.sequence,
            at=at,
            ids=[record.id for record in records],
            times=[record.at for record in records],
            digests=[record.digest() for record in records],
            previous=previous,
            hash=b"",
        )
        return msgspec.structs.replace(seal, hash=seal.computed_hash())

    @property
    def position(self) -> Position:
        return Position(self.transaction_id, self.sequence)

    def computed_hash(self) -> bytes:
        """The hash that `hash` must equal."""
        return hashlib.sha256(b"api-base audit seal 1\n" + encode_strictly(msgspec.structs.replace(self, hash=b""))).digest()


class SignedHead(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """States that the chain had reached the seal `number` at `at`, and that records older than `expired_before` were dropped by retention."""

    chain: UUID
    number: int
    hash: bytes
    transaction_id: int
    sequence: int
    at: datetime
    expired_before: datetime | None = None
    kid: str = ""
    signature: bytes = b""

    @property
    def position(self) -> Position:
        return Position(self.transaction_id, self.sequence)

    def signed_bytes(self) -> bytes:
        return b"api-base audit head 1\n" + encode_strictly(msgspec.structs.replace(self, signature=b""))


class Key(Protocol):
    """A private key and the thumbprint of its public key."""

    @property
    def kid(self) -> str: ...
    @property
    def private(self) -> Ed25519PrivateKey: ...


class HeadSigner:
    def __init__(self, key: Key) -> None:
        self._key = key

    def signed(self, head: SignedHead) -> SignedHead:
        """`head` with a signature by this key."""
        named = msgspec.structs.replace(head, kid=self._key.kid, signature=b"")
        return msgspec.structs.replace(named, signature=self._key.private.sign(named.signed_bytes()))


class HeadVerifier:
    """`keys` are the trusted public keys, by thumbprint."""

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = keys

    def is_genuine(self, head: SignedHead) -> bool:
        key = self._keys.get(head.kid)
        if key is None:
            return False
        try:
            key.verify(head.signature, head.signed_bytes())
        except InvalidSignature:
            return False
        return True


def by_chain(records: Iterable[Record]) -> dict[UUID, list[Record]]:
    """The records of each chain, in the given order."""
    chains: dict[UUID, list[Record]] = {}
    for record in records:
        chains.setdefault(record.tenant_id, []).append(record)
    return chains
