"""Rate limits that all server processes of one machine count together, in a file that each of them maps into its memory.

The file is a table of sets of eight slots. A slot holds a digest of its key and the theoretical arrival time. A set is locked while one process
decides: the system releases the lock of a process that is killed, and one that was stopped with the lock holds nobody up.
"""

import fcntl
import math
import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from api_base.core.protocols import Charge, RateDecision, RateLimiter
from api_base.infrastructure.rate_limit.memory import decide, decision_of

SLOTS: Final = 8
SETS: Final = 16_384
"""For 131,072 keys in 2 MB. A new key takes the place of the one in its set that is free the soonest, and that one gets its full burst again."""
LOCK_SECONDS: Final = 0.01
"""A decision takes microseconds. A lock that is held for this long belongs to a process that does not run."""
_PAUSE: Final = 0.00005
_SLOT: Final = struct.Struct("<Qd")
_SET: Final = struct.Struct("<" + "Qd" * SLOTS)
_SECRET_BYTES: Final = 32


class SharedRateLimiter(RateLimiter):
    """Implements `RateLimiter` in the file at `path`, which the first process makes. `now` returns seconds on the clock of the machine."""

    def __init__(self, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        if os.fstat(self._file).st_size == 0:
            os.ftruncate(self._file, _SET.size * (SETS + 1))
            os.pwrite(self._file, secrets.token_bytes(_SECRET_BYTES), 0)
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._table = mmap.mmap(self._file, _SET.size * (SETS + 1))
        self._secret = self._table[:_SECRET_BYTES]  # digests are keyed: nobody can choose addresses that share a set

    async def hit(self, charges: Sequence[Charge]) -> RateDecision:
        """Charge everything, or nothing if one of the charges is refused. A cost above the burst is always refused."""
        places = [self._place(f"{charge.policy} {charge.partition}") for charge in charges]
        sets = sorted({offset for _, offset in places})  # in one order: two processes never wait for each other
        for offset in sets:
            self._lock(offset)
        try:
            now = self._now()
            found = [self._find(digest, offset) for digest, offset in places]
            decided = [decide(stored, charge, now) for charge, (_, stored) in zip(charges, found, strict=True)]
            decision = decision_of(decided)
            if decision.allowed:
                for charge, (digest, offset), (_, arrival) in zip(charges, places, decided, strict=True):
                    if not charge.checked:
                        slot, _ = self._find(digest, offset)  # again: two new keys of one set would have the same slot
                        _SLOT.pack_into(self._table, slot, digest, arrival)
        finally:
            for offset in sets:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _SET.size, offset)
        return decision

    async def close(self) -> None:
        """The table stays mapped: its processes count together for as long as they run."""

    def _place(self, key: str) -> tuple[int, int]:
        """Return the digest of `key`, which is never 0, and the offset of its set. The secret has the place of the first set."""
        digest = int.from_bytes(blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=self._secret).digest()) or 1
        return digest, _SET.size * (1 + digest % SETS)

    def _find(self, digest: int, offset: int) -> tuple[int, float]:
        """Return the offset of the slot for `digest`, and the arrival time of the key: `-inf` if it has no slot yet."""
        values = _SET.unpack_from(self._table, offset)
        digests, arrivals = values[::2], values[1::2]
        if digest in digests:
            index = digests.index(digest)
            return offset + _SLOT.size * index, arrivals[index]
        return offset + _SLOT.size * arrivals.index(min(arrivals)), -math.inf

    def _lock(self, offset: int) -> None:
        """Lock a set, or go on without the lock when its process does not run."""
        for _ in range(int(LOCK_SECONDS / _PAUSE)):
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, _SET.size, offset)
            except BlockingIOError:
                time.sleep(_PAUSE)  # the process that decides may need this core
            else:
                return
