"""Names of files that clients send, and the headers with which stored files are sent."""

import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_base.core.errors import Invalid
from api_base.core.types.delivery import content_disposition, delivery_headers
from api_base.domain.common.file_names import MAX_BYTES, file_name
from api_base.interface.v1.bodies.files import disposition_name

FIELD = re.compile(
    r"(attachment|inline); filename=\"([ !#$&'()*+,.0-9:;<=>?@A-Z\[\]^_`a-z{|}~-]*)\"(?:; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]*))?"
)
"""The grammar of RFC 6266 with the value of RFC 8187; the first name has neither quotes, backslashes, percent signs nor slashes."""


def code_of(name: str) -> str:
    with pytest.raises(Invalid) as refused:
        file_name(name)
    (violation,) = refused.value.violations
    assert violation.pointer == "/name"
    assert violation.message
    return violation.code


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../../etc/passwd", "path"), ("/etc/passwd", "path"), ("a/b.txt", "path"), ("..\\run.bat", "path"), ("C:\\run.bat", "path"),
        ("c:run.bat", "path"), ("\\\\server\\share", "path"), ("..", "path"), (".", "path"), (". .", "path"),
        ("", "blank"), ("   ", "blank"), ("\u200b", "blank"), ("a\0.png", "nul"), ("a\nb.txt", "control"), ("a\x1b[31m.txt", "control"),
        ("invoice\u202egpj.exe", "bidirectional"), ("invoice\u2066.exe", "bidirectional"), ("a\ud800.txt", "surrogate"),
        ("CON", "device"), ("nul.txt", "device"), ("Lpt1.tar.gz", "device"), ("com¹", "device"), ("aux .txt", "device"),
        ("a<b.txt", "character"), ("ab:stream", "character"), ('a"b.txt', "character"), ("what?.txt", "character"), ("name.", "final_dot"),
        ("é" * 128, "too_long"), ("a" * 256, "too_long"), ("a" * 100_000, "too_long"), ("e" + "\u0301" * 40 + ".txt", "marks"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_everywhere_is_refused(name: str, code: str) -> None:
    assert code_of(name) == code


@pytest.mark.parametrize(
    "name", ["Relatório 2026.pdf", "console.txt", "com10", "a" * 255, "é" * 127, ".gitignore", "日本語.png", "👩\u200d👩.png", "a..b"]
)
def test_an_ordinary_name_is_kept(name: str) -> None:
    assert file_name(name) == name


def test_a_name_is_normalized_and_trimmed() -> None:
    assert file_name(" Relato\u0301rio.pdf ") == "Relatório.pdf"


@given(st.text(max_size=300))
def test_an_accepted_name_is_one_component_of_a_path_everywhere(name: str) -> None:
    try:
        found = file_name(name)
    except Invalid:
        return
    assert found == unicodedata.normalize("NFC", found) == file_name(found)
    assert 1 <= len(found.encode()) <= MAX_BYTES
    assert not set(found) & set('/\\<>:"|?*\0')
    assert found.strip(" .")
    assert not found.endswith((".", " "))
    assert all(unicodedata.category(character) != "Cc" for character in found)
    assert not re.search("[\u202a-\u202e\u2066-\u2069]", found)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100), st.booleans())
def test_the_header_has_the_grammar_of_the_standard_and_the_exact_name(name: str, inline: bool) -> None:
    matched = FIELD.fullmatch(content_disposition(name, inline=inline))
    assert matched is not None
    kind, plain, encoded = matched.groups()
    assert kind == ("inline" if inline else "attachment")
    assert (plain if encoded is None else unquote(encoded, errors="strict")) == name


@given(st.text(max_size=100))
def test_no_name_adds_a_line_to_the_header(name: str) -> None:
    field = content_disposition(name)
    assert field.isascii()
    assert field.isprintable()


def test_the_plain_name_is_readable() -> None:
    assert 'filename="Relatorio Acao 50_.pdf"' in content_disposition("Relatório Ação 50%.pdf")


@pytest.mark.parametrize(
    "media_type", ["image/svg+xml", "text/html", "application/pdf", "text/plain", "application/zip", "application/xml"]
)
def test_what_can_run_scripts_is_downloaded_and_never_rendered(media_type: str) -> None:
    headers = delivery_headers(media_type, "a.bin")
    assert headers["content-disposition"].startswith("attachment;")


@pytest.mark.parametrize("media_type", ["image/png", "image/svg+xml"])
def test_every_file_is_sent_without_rights(media_type: str) -> None:
    headers = delivery_headers(media_type, "a.bin")
    assert headers["content-type"] == media_type
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].endswith("; sandbox")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert delivery_headers(media_type, "a.bin", embedding="cross-origin")["cross-origin-resource-policy"] == "cross-origin"


def test_a_picture_is_shown_in_place() -> None:
    assert delivery_headers("image/png", "a.png")["content-disposition"] == 'inline; filename="a.png"'


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=a.png", "a.png"), ("attachment; filename=b; filename*=UTF-8''%C3%A9.png", "é.png"), ("attachment", None),
        ("attachment; filename*=a; filename*0=b", None), ("attachment; filename*0*=a; filename*=b", None),
        (f"attachment; filename*{'1' * 5000}=a", None), ("attachment; filename*=undefined''a", None), ("attachment; filename*=idna''%ff", None),
    ],
)  # fmt: skip
def test_a_header_without_a_readable_name_has_none(disposition: str, name: str | None) -> None:
    assert disposition_name(disposition) == name
