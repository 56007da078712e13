"""Signed heads outside the database: whoever rewrites the trail, whole or from its end, does not agree with them.

One file for each export, of JSON Lines, named by the position it comes to; written aside and renamed, never written again. So a
directory may be on storage that keeps what it was once given.
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
        """The position that the newest file comes to."""
        names = [file.stem for file in self._files()]
        return Position(*map(int, names[-1].split("-"))) if names else START

    def write(self, heads: Sequence[SignedHead]) -> None:
        """Keep `heads`, which are in order. Raises `OSError`."""
        self._path.mkdir(parents=True, exist_ok=True)
        last = heads[-1].position
        aside = self._path / f".{secrets.token_hex(8)}"
        with aside.open("xb") as file:
            file.writelines(encode_strictly(head) + b"\n" for head in heads)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(self._path / f"{last.transaction_id:020}-{last.sequence:020}.jsonl")

    def read(self) -> Iterator[SignedHead]:
        """All heads, in the order of their positions. Raises `ConfigurationError` for a line that is none.

        Files of workers that signed at once overlap; no more of them are held than do.
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
                raise ConfigurationError(f"{file}, line {number}: no signed head of an audit trail.") from None


def _position(head: SignedHead) -> Position:
    return head.position


class Checkpoints:
    """`pool` is the worker's."""

    def __init__(self, pool: ConnectionPool, clock: Clock, signer: HeadSigner, directory: CheckpointDirectory) -> None:
        self._pool, self._clock, self._signer, self._directory = pool, clock, signer, directory

    async def run(self) -> bool:
        """Sign and keep the head of each chain that has grown since the last time. Raises `OSError` for a directory that cannot be used."""
        end = await asyncio.to_thread(self._directory.end)
        rows = await self._pool.run(lambda connection: connection.fetch(_HEADS, *end))
        if rows:
            now = self._clock.now()
            heads = [self._signer.signed(SignedHead(**dict(row), at=now)) for row in rows]
            await asyncio.to_thread(self._directory.write, heads)
        return False
