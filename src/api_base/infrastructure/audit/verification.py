"""Compare a trail with its seals, the seals with each other, and both with signed heads.

The trail is read batch by batch, in order. Memory holds one batch, the end of each chain, and the findings.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from api_base.application.audit.dtos import Checked
from api_base.application.audit.verify_audit import TrailVerification
from api_base.core.protocols import Clock
from api_base.core.types import NO_TENANT
from api_base.infrastructure.audit.chain import BEGINNING, HeadVerifier, Record, Seal, SignedHead, by_chain
from api_base.infrastructure.audit.checkpoints import CheckpointDirectory
from api_base.infrastructure.audit.trail import Batch, trail
from api_base.infrastructure.db.pool import ConnectionPool

MAX_UNSEALED_AGE: Final = timedelta(hours=1)
"""Records that stay unsealed for longer are a finding: no sealer is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`kind` is edited, removed, inserted, reordered, cut off, rewritten, unsigned or unsealed; `what` names a record or a seal of `chain`; None stands for all chains."""

    kind: str
    chain: UUID | None
    what: str
    detail: str

    def __str__(self) -> str:
        whose = {None: "all chains", NO_TENANT: "no tenant"}.get(self.chain, f"tenant {self.chain}")
        return f"{self.kind}: {self.what} of {whose}: {self.detail}"


class Verification:
    """Chains may start after one of the signed heads in `anchors`, and must reach those in `heads`, which are in order of position."""

    def __init__(self, verifier: HeadVerifier, anchors: Iterable[SignedHead], heads: Iterable[SignedHead]) -> None:
        self._verifier = verifier
        self._anchors: dict[UUID, SignedHead] = {}
        self._unsigned: list[SignedHead] = []
        for anchor in anchors:
            if verifier.is_genuine(anchor):
                self._anchors[anchor.chain] = anchor
            else:
                self._unsigned.append(anchor)
        self._heads = iter(heads)
        self._next_head = next(self._heads, None)
        self._promised: dict[tuple[UUID, int], SignedHead] = {}
        self._ends: dict[UUID, tuple[int, bytes]] = {}
        self._missing: dict[UUID, Seal] = {}
        self._extra: dict[UUID, Record] = {}
        self.records = 0

    @property
    def chains(self) -> int:
        """The number of chains read so far."""
        return len(self._ends)

    def check(self, batch: Batch) -> Iterator[Finding]:
        """The findings in `batch` that can be decided now."""
        while self._next_head is not None and self._next_head.position <= batch.position:
            yield from self._promise(self._next_head)
            self._next_head = next(self._heads, None)
        self.records += len(batch.records)
        found = by_chain(batch.records)
        for seal in batch.seals:
            yield from self._link(seal)
            yield from self._compare(seal, found.pop(seal.chain, []))
        for records in found.values():
            self._extra.update((record.id, record) for record in records)

    def finish(self) -> Iterator[Finding]:
        """The findings about the whole trail, after all batches were checked."""
        yield from map(_unsigned, self._unsigned)
        for id in self._missing.keys() & self._extra.keys():
            yield _moved(self._missing.pop(id), self._extra.pop(id))
        for id, seal in self._missing.items():
            yield _record("removed", seal.chain, id, f"seal {seal.number} covers it")
        for id, record in self._extra.items():
            yield _record("inserted", record.tenant_id, id, "no seal covers it")
        while self._next_head is not None:
            yield from self._promise(self._next_head)
            self._next_head = next(self._heads, None)
        yield from (self._cut_off(head) for head in self._promised.values())

    def _promise(self, head: SignedHead) -> Iterator[Finding]:
        anchor = self._anchors.get(head.chain)
        if not self._verifier.is_genuine(head):
            yield _unsigned(head)
        elif anchor is None or head.number > anchor.number:
            before = self._promised.setdefault((head.chain, head.number), head)
            if before.hash != head.hash:
                yield _rewritten(head.chain, head.number, head)
        elif head.number == anchor.number and head.hash != anchor.hash:
            yield _rewritten(head.chain, head.number, head)

    def _link(self, seal: Seal) -> Iterator[Finding]:
        number, hash = self._ends.get(seal.chain) or self._beginning(seal.chain)
        name = f"seal {seal.number}"
        if seal.hash != seal.computed_hash():
            yield Finding(kind="edited", chain=seal.chain, what=name, detail="its content does not match its hash")
        if seal.number > number + 1:
            gone = f"seals {number + 1} to {seal.number - 1}"
            yield Finding(kind="removed", chain=seal.chain, what=gone, detail=f"seal {seal.number} follows seal {number}")
        elif seal.number <= number:
            yield Finding(kind="reordered", chain=seal.chain, what=name, detail=f"it comes after seal {number}")
        elif seal.previous != hash:
            yield Finding(kind="rewritten", chain=seal.chain, what=name, detail="its previous hash is not that of the seal before it")
        self._ends[seal.chain] = (seal.number, seal.hash)
        head = self._promised.pop((seal.chain, seal.number), None)
        if head is not None and head.hash != seal.hash:
            yield _rewritten(seal.chain, seal.number, head)

    def _beginning(self, chain: UUID) -> tuple[int, bytes]:
        anchor = self._anchors.get(chain)
        return (0, BEGINNING) if anchor is None else (anchor.number, anchor.hash)

    def _compare(self, seal: Seal, records: list[Record]) -> Iterator[Finding]:
        ids, digests = [record.id for record in records], [record.digest() for record in records]
        if ids == list(seal.ids) and digests == list(seal.digests):
            return
        sealed, found = dict(zip(seal.ids, seal.digests, strict=True)), dict(zip(ids, digests, strict=True))
        self._extra.update((record.id, record) for record in records if record.id not in sealed)
        self._missing.update(
            (id, seal) for id, time in zip(seal.ids, seal.times, strict=True) if id not in found and not self._expired(seal, time)
        )
        for id in ids:
            if found[id] != sealed.get(id, found[id]):
                yield _record("edited", seal.chain, id, f"it differs from what seal {seal.number} covers")
        before, now = [id for id in seal.ids if id in found], [id for id in ids if id in sealed]
        for was, is_ in zip(before, now, strict=False):
            if was != is_:
                yield _record("reordered", seal.chain, is_, f"seal {seal.number} has {was} in its place")

    def _expired(self, seal: Seal, time: datetime) -> bool:
        anchor = self._anchors.get(seal.chain)
        return anchor is not None and anchor.expired_before is not None and time < anchor.expired_before

    def _cut_off(self, head: SignedHead) -> Finding:
        end, _ = self._ends.get(head.chain) or self._beginning(head.chain)
        kind = "cut off" if end < head.number else "removed"
        gone = f"seals {end + 1} to {head.number}" if end < head.number else f"seal {head.number}"
        return Finding(
            kind=kind, chain=head.chain, what=gone, detail=f"a head signed at {head.at:%Y-%m-%d %H:%M:%S} UTC names seal {head.number}"
        )


def _record(kind: str, chain: UUID, id: UUID, detail: str) -> Finding:
    return Finding(kind=kind, chain=chain, what=f"record {id}", detail=detail)


def _moved(seal: Seal, record: Record) -> Finding:
    if record.tenant_id == seal.chain:
        return _record("reordered", seal.chain, record.id, f"seal {seal.number} covers it, but it is at another position")
    return _record("edited", seal.chain, record.id, f"seal {seal.number} covers it, but it is in the chain of {record.tenant_id}")


def _unsigned(head: SignedHead) -> Finding:
    detail = f"its signature by the key {head.kid or '(unnamed)'} is wrong, or the key is not trusted"
    return Finding(kind="unsigned", chain=head.chain, what=f"head {head.number}", detail=detail)


def _rewritten(chain: UUID, number: int, head: SignedHead) -> Finding:
    detail = f"a head signed at {head.at:%Y-%m-%d %H:%M:%S} UTC names another seal {number}"
    return Finding(kind="rewritten", chain=chain, what=f"seal {number}", detail=detail)


class TrailVerifier(TrailVerification):
    """Implements `TrailVerification`. `pool` returns the pool of the role `worker`, `trusted` the trusted keys by thumbprint."""

    def __init__(
        self, pool: Callable[[], ConnectionPool], trusted: Callable[[], Mapping[str, Ed25519PublicKey]], checkpoints: Path, clock: Clock
    ) -> None:
        self._pool, self._trusted, self._checkpoints, self._clock = pool, trusted, checkpoints, clock

    async def findings(self, tenant: UUID | None, checked: Checked) -> AsyncIterator[Finding]:
        heads = (head for head in CheckpointDirectory(self._checkpoints).read() if tenant in (None, head.chain))
        async with trail(self._pool(), tenant) as opened:
            verification = Verification(HeadVerifier(self._trusted()), await opened.checkpoints(), heads)
            async for batch in opened.batches():
                for finding in verification.check(batch):
                    yield finding
            for finding in verification.finish():
                yield finding
            checked.unsealed, oldest = await opened.unsealed()
        checked.records, checked.chains = verification.records, verification.chains
        if oldest is not None and oldest < self._clock.now() - MAX_UNSEALED_AGE:
            detail = f"the oldest is of {oldest:%Y-%m-%d %H:%M:%S} UTC"
            yield Finding(kind="unsealed", chain=tenant, what=f"{checked.unsealed} records", detail=detail)
