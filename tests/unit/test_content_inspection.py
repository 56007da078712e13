"""What content is, decided by its bytes: true uploads are accepted as what they are, uploads that lie are refused, each with its reason."""

import gzip
import os
import struct
from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from api_base.core.errors.content import ContentRefused
from api_base.infrastructure.storage.inspection import archives
from api_base.infrastructure.storage.inspection.inspector import Rules, inspect
from api_base.infrastructure.storage.inspection.media_types import canonical, is_text
from api_base.interface.errors.handlers import problem_of
from tests.factories import content as made
from tests.factories.content import Lie

ALLOWED: Final = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf", "application/zip", "application/gzip", "text/plain", "text/csv",
        "application/json", "video/mp4", "audio/mpeg", made.DOCX, "application/vnd.oasis.opendocument.text",
    }
)  # fmt: skip
LIES: Final = made.lies()
CODES: Final = frozenset(lie.code for lie in LIES)


def decided(content: bytes, declared: str = "", allowed: frozenset[str] = ALLOWED, max_pixels: int = 50_000_000) -> str:
    return inspect(content, Rules(declared=declared, allowed=allowed, max_pixels=max_pixels)).media_type


def code_of(content: bytes, declared: str = "", allowed: frozenset[str] = ALLOWED) -> str:
    with pytest.raises(ContentRefused) as refused:
        decided(content, declared, allowed)
    return refused.value.code


def outcome(content: bytes) -> str:
    """The media type, or the code of the refusal."""
    try:
        return decided(content)
    except ContentRefused as refused:
        return refused.code


def test_the_corpus_is_large() -> None:
    assert len(LIES) >= 60
    assert len(CODES) >= 14


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_an_upload_that_lies_is_refused_for_its_reason(lie: Lie) -> None:
    assert code_of(lie.content, lie.declared) == lie.code


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.name)
def test_the_refusal_is_a_problem_that_says_why(lie: Lie) -> None:
    with pytest.raises(ContentRefused) as refused:
        decided(lie.content, lie.declared)
    problem = problem_of(refused.value)
    assert problem is not None
    assert (problem.status, [violation.code for violation in problem.violations]) == (422, [lie.code])
    assert refused.value.message in problem.detail


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("image/png", made.PNG),
        ("image/png", made.PNG + bytes(100)),
        ("image/jpeg", made.JPEG),
        ("image/jpeg", made.picture("JPEG", progressive=True, comment=b"a picture")),
        ("image/gif", made.GIF),
        ("image/webp", made.WEBP),
        ("image/webp", made.picture("WEBP", lossless=True)),
        ("application/pdf", made.PDF),
        ("application/zip", made.ZIP),
        ("application/zip", made.zipped({})),
        ("application/zip", made.zipped({"in.zip": made.zipped({"document.docx": made.document()})})),
        ("application/gzip", gzip.compress(b"text", mtime=0) * 2),
        ("video/mp4", made.MP4),
        ("audio/mpeg", b"ID3\x04\0\0\0\0\0\x0a" + bytes(500)),
        (made.DOCX, made.document()),
        ("application/vnd.oasis.opendocument.text", made.zipped({"mimetype": b"application/vnd.oasis.opendocument.text"})),
        ("text/plain", b""),
        ("text/plain", "Ação".encode()),
        ("text/plain", "Ação".encode("latin-1")),
        ("text/csv", "\ufeffname;price\r\nAção;1".encode("utf-16-le")),
        ("text/csv", b"name,price\nA,1\n"),
        ("application/json", b' {"a": 1}'),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_what_is_as_declared_is_accepted(media_type: str, content: bytes) -> None:
    assert decided(content, media_type) == media_type
    assert decided(content, "application/octet-stream") == ("text/plain" if is_text(media_type) else media_type)


def test_dimensions_are_those_of_the_header() -> None:
    for kind in ("PNG", "JPEG", "GIF", "WEBP"):
        found = inspect(made.picture(kind, 123, 45), Rules(declared="", allowed=ALLOWED, max_pixels=10_000))
        assert (found.width, found.height) == (123, 45)
    assert inspect(made.PDF, Rules(declared="", allowed=ALLOWED, max_pixels=1)).width is None


def test_the_limit_of_pixels_is_exact() -> None:
    assert decided(made.picture("PNG", 100, 100), max_pixels=10_000) == "image/png"
    with pytest.raises(ContentRefused, match="10,000 pixels in one picture; at most 9,999"):
        decided(made.picture("PNG", 100, 100), max_pixels=9_999)


def test_a_use_accepts_only_its_own_types() -> None:
    assert code_of(made.PDF, allowed=frozenset({"image/png"})) == "type_not_allowed"
    assert decided(made.SVG, "image/svg+xml", frozenset({"image/svg+xml"})) == "image/svg+xml"


@pytest.mark.parametrize(
    ("declared", "essence"), [("Image/JPG", "image/jpeg"), ("text/csv; charset=utf-8", "text/csv"), ("application/octet-stream", "")]
)
def test_a_declared_type_has_one_form(declared: str, essence: str) -> None:
    assert canonical(declared) == essence


@given(st.binary(max_size=400))
def test_any_bytes_are_decided(content: bytes) -> None:
    assert outcome(content) in ALLOWED | CODES


@given(
    st.sampled_from([made.PNG, made.JPEG, made.GIF, made.WEBP, made.PDF, made.ZIP, made.document(), made.gif_of(5, 5, frames=3)]),
    st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
    st.integers(0, 50),
)
def test_damaged_files_are_decided(content: bytes, damages: list[tuple[int, bytes]], cut: int) -> None:
    damaged = bytearray(content)
    for at, piece in damages:
        start = at % len(damaged)
        damaged[start : start + len(piece)] = piece
    assert outcome(bytes(damaged[: len(damaged) - cut])) in ALLOWED | CODES


@given(st.sampled_from([made.PNG, made.JPEG, made.GIF, made.WEBP, made.PDF, made.ZIP]), st.binary(min_size=1, max_size=300))
def test_no_data_can_be_appended(content: bytes, more: bytes) -> None:
    assume(more.strip(b"\0\t\n\f\r "))
    assume(b"%%EOF" not in more)  # which ends a PDF again
    assume(b"PK" not in more)
    assume(b"%PDF-" not in more)  # which makes a polyglot of them
    assert code_of(content + more) == "trailing_data"


@pytest.mark.parametrize("content", [made.PNG, made.JPEG, made.GIF, made.WEBP])
def test_an_appended_header_of_a_pdf_makes_a_polyglot(content: bytes) -> None:
    assert code_of(content + b"%PDF-") == "polyglot"


def test_a_riff_that_claims_more_than_it_has_is_malformed() -> None:
    assert code_of(made.WEBP[:4] + struct.pack("<I", 10_000_000) + made.WEBP[8:]) == "malformed"


def test_a_large_archive_that_hardly_compresses_is_no_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_000_000)
    monkeypatch.setattr(archives, "FREE", 1_000)
    assert decided(made.zipped({"video": os.urandom(2_000_000)})) == "application/zip"
    assert code_of(made.zipped({"text": bytes(1_000_001) + os.urandom(300_000)})) == "decompression_bomb"


def test_an_archive_in_an_archive_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = made.zipped({"data": os.urandom(10_000)})
    monkeypatch.setattr(archives, "MAX_INNER", len(inner))
    assert decided(made.zipped({"in.zip": inner})) == "application/zip"
    monkeypatch.setattr(archives, "MAX_INNER", len(inner) - 1)
    assert code_of(made.zipped({"in.zip": inner})) == "nested_archives"
