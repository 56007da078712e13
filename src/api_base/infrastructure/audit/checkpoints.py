"""Signed heads outside the database. A trail that was rewritten or truncated contradicts them.

Each run writes one file of JSON Lines, named by the position that it reaches. The file is written under a temporary name, renamed, and
never changed again, so the directory may be on write-once storage.
"""

import asyncio
import os
import secrets
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from api_base.core.errors import ConfigurationError
from api_base.core.protocols import Clock
from api_base.infrastructure.audit.chain import START, HeadSigner, Position, SignedHead
from api_base.infrastructure.db.pool import ConnectionPool
from api_base.infrastructure.serialization.json_codec import decode_as, encode_strictly

_HEADS: Final = """
select chain, number, hash, transaction_id, sequence from (
    select distinct on (chain) chain, number, hash, transaction_id, sequence from audit_seals
    where (transaction_id, sequence) > ($1, $2) order by chain, number desc) newest
order by transaction_id, sequence
"""


class CheckpointDirectory:
    def __init__(self, path: Path) -> None:
        self._path = path

    def end(self) -> Position:
        """The position that the newest file reaches."""
        names = [file.stem for file in self._files()]
        return Position(*map(int, names[-1].split("-"))) if names else START

    def write(self, heads: Sequence[SignedHead]) -> None:
        """Store `heads`, which are in order. Raises `OSError`."""
        self._path.mkdir(parents=True, exist_ok=True)
        last = heads[-1].position
        temporary = self._path / f".{secrets.token_hex(8)}"
        with temporary.open("xb") as file:
            file.writelines(encode_strictly(head) + b"\n" for head in heads)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._path / f"{last.transaction_id:020}-{last.sequence:020}.jsonl")

    def read(self) -> Iterator[SignedHead]:
        """All heads, in the order of their positions. Raises `ConfigurationError` for an invalid line.

        Files of workers that signed concurrently overlap. Memory holds only the overlapping heads.
        """
        beginnings = sorted((first.position, file) for file in self._files() if (first := next(_heads(file), None)) is not None)
        waiting: list[SignedHead] = []
        for position, file in beginnings:
            ready = bisect_left(waiting, position, key=_position)
            yield from waiting[:ready]
            waiting = sorted([*waiting[ready:], *_heads(file)], key=_position)
        yield from waiting

    def _files(self) -> list[Path]:
        return sorted(self._path.glob("*.jsonl"))


def _heads(file: Path) -> Iterator[SignedHead]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield decode_as(line, SignedHead)
            except ValueError:
                raise ConfigurationError(f"{file}, line {number}: is not a signed head of an audit trail.") from None


def _position(head: SignedHead) -> Position:
    return head.position


class Checkpoints:
    """Writes signed heads to `directory`. `pool` connects as the role `worker`."""

    def __init__(self, pool: ConnectionPool, clock: Clock, signer: HeadSigner, directory: CheckpointDirectory) -> None:
        self._pool, self._clock, self._signer, self._directory = pool, clock, signer, directory

    async def run(self) -> bool:
        """Sign and store the head of each chain that has grown since the last run. Raises `OSError` if the directory cannot be written."""
        end = await asyncio.to_thread(self._directory.end)
        rows = await self._pool.run(lambda connection: connection.fetch(_HEADS, *end))
        if rows:
            now = self._clock.now()
            heads = [self._signer.signed(SignedHead(**dict(row), at=now)) for row in rows]
            await asyncio.to_thread(self._directory.write, heads)
        return False
