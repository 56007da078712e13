"""Signed heads are read in the order of their positions, also where two workers signed at once and their files overlap."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from api_base.core.errors import ConfigurationError
from api_base.infrastructure.audit.chain import HeadVerifier, SignedHead
from api_base.infrastructure.audit.checkpoints import CheckpointDirectory
from api_base.infrastructure.audit.verification import Verification

CHAIN, OTHER = UUID(int=1), UUID(int=2)


def head(chain: UUID, number: int, position: int, hash: bytes = b"") -> SignedHead:
    return SignedHead(chain=chain, number=number, hash=hash, transaction_id=position, sequence=1, at=datetime(2026, 1, 1, tzinfo=UTC))


def test_files_that_overlap_are_read_in_the_order_of_positions(tmp_path: Path) -> None:
    directory = CheckpointDirectory(tmp_path)
    directory.write([head(CHAIN, 1, 10), head(OTHER, 1, 20)])
    directory.write([head(CHAIN, 2, 30), head(OTHER, 2, 50)])
    directory.write([head(CHAIN, 2, 30), head(OTHER, 3, 60)])  # by another worker, which looked when the second was not there yet
    directory.write([head(CHAIN, 3, 70)])
    assert [one.position.transaction_id for one in directory.read()] == [10, 20, 30, 30, 50, 60, 70]


def test_a_file_that_is_empty_or_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-00000000000000000001.jsonl").write_text("")
    assert list(CheckpointDirectory(tmp_path).read()) == []
    (tmp_path / "00000000000000000002-00000000000000000001.jsonl").write_text("no head\n")
    with pytest.raises(ConfigurationError, match="is not a signed head"):
        list(CheckpointDirectory(tmp_path).read())


class Trusting(HeadVerifier):
    def __init__(self) -> None:
        super().__init__({})

    def is_genuine(self, head: SignedHead) -> bool:
        return True


def test_two_heads_of_one_seal_that_disagree_are_told() -> None:
    verification = Verification(Trusting(), [], [head(CHAIN, 1, 10, b"one"), head(CHAIN, 1, 10, b"other")])
    assert "rewritten" in {finding.kind for finding in verification.finish()}
