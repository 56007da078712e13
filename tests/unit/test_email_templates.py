"""EmailTemplates: every language has every letter, users cannot write into them what is not theirs to write, links stay out of logs."""

import re
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import api_base.application
from api_base.application.services.mailing import MAX_LENGTH, EmailTemplates, Links, Recipient, harmless
from api_base.core.types import Language
from api_base.core.types.language import preferred
from tests.factories.mail import KeepingMailer, ReadableTokens

TEMPLATES = sorted(Path(api_base.application.__path__[0]).glob("*/emails/*.txt"))
ID = UUID(int=7)


def test_every_letter_is_there_in_every_language_with_the_same_values() -> None:
    found: dict[tuple[str, str], dict[str, set[str]]] = {}
    for template in TEMPLATES:
        name, language, _ = template.name.split(".")
        values = set(re.findall(r"\$(\w+)", template.read_text()))
        found.setdefault((template.parts[-3], name), {})[language] = values
    assert len(found) >= 4
    for letter, languages in found.items():
        assert languages.keys() == set(Language), letter
        assert len({frozenset(values) for values in languages.values()}) == 1, letter


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.opened, self.links = list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hello.en.txt").write_text("Hello & $who at $app\n\nDear $who,\n<this> is for you:\n\n$link\n")
    return tmp_path


async def sent(folder: Path, link: str, **values: str) -> tuple[str, str, str]:
    mailer = KeepingMailer()
    await EmailTemplates(folder, mailer, "Base").send(
        "hello", Recipient(email="a@b.example", language=Language.EN), ID, ours={"link": link}, **values
    )
    (mail,) = mailer.sent
    assert (mail.key, mail.to, mail.language) == (f"hello.{ID}", "a@b.example", "en")
    return mail.subject, mail.text, mail.html


async def test_text_and_html_say_the_same(folder: Path) -> None:
    subject, text, html = await sent(folder, who="Ana", link="https://app.example/x?a=1&b=2#token=t")
    assert subject == "Hello & Ana at Base"
    assert text == "Dear Ana,\n<this> is for you:\n\nhttps://app.example/x?a=1&b=2#token=t\n"
    tags = Tags()
    tags.feed(html)
    assert tags.links == ["https://app.example/x?a=1&b=2#token=t"]
    assert "this" not in tags.opened
    assert "<title>Hello &amp; Ana at Base</title>" in html


HOSTILE = [
    "Please pay at http://evil.example/x",
    "HTTPS://EVIL.EXAMPLE",
    "evil.example",
    "www.evil.example/pay?now",
    "evil。example",
    "evil．example",
    "e\u200bvil.exa\u200bmple",
    "1.2.3.4/pay",
    "http://1.2.3.4",
    "http:\uff0f\uff0fevil.example",
    "write to boss@evil.example now",
    "mailto:boss@evil.example",
    "tel:+123456",
    "例え.テスト",
    'Acme" is closed. Go to "evil.example',
    "Acme”“",
    "Ana\r\nBcc: x@y.example\n\n$app",
    "a\u2028b\u0085c\x1bd\u202ee",
    '<a href="https://evil.example">here</a>',
    "x" * 500,
    "https://" + "a." * 200 + "example",
]
_LINKED = re.compile(r"://|@|\w[.]\w*[a-z]{2}|[.]\S*/|tel:|mailto:", re.IGNORECASE)
"""What mail programs make links of."""


@pytest.mark.parametrize("name", HOSTILE)
async def test_what_a_stranger_wrote_is_one_short_line_of_text(folder: Path, name: str) -> None:
    subject, text, html = await sent(folder, who=name, link="l")
    (shown,) = re.fullmatch(r"Hello & (.*) at Base", subject).groups()  # type: ignore[union-attr]
    assert text == f"Dear {shown},\n<this> is for you:\n\nl\n"
    assert 0 < len(shown) <= MAX_LENGTH
    assert not _LINKED.search(shown), shown
    assert shown.isprintable()
    assert not set(shown) & set('"“”')
    tags = Tags()
    tags.feed(html)
    assert tags.links == ["l"]


@given(st.lists(st.sampled_from([*HOSTILE, ".", "/", ":", "@", "a", "É", " ", "\n", "\u200d"]), max_size=6).map("".join))
def test_no_combination_makes_a_link(name: str) -> None:
    assert not _LINKED.search(harmless(name))


@pytest.mark.parametrize("name", ["Acme Inc.", "Novo A/S", "St. John's", "Müller & Söhne", "Ana-Maria, Lda.", "3.14", "テスト"])
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert harmless(name) == name


async def test_a_value_that_is_missing_is_no_letter(folder: Path) -> None:
    with pytest.raises(KeyError):
        await sent(folder, link="l")


async def test_a_link_shows_in_no_repr(folder: Path) -> None:
    mailer = KeepingMailer()
    await EmailTemplates(folder, mailer, "Base").send(
        "hello", Recipient(email="a@b.example", language=Language.EN), ID, who="Ana", ours={"link": "secret-link"}
    )
    assert "secret-link" not in repr(mailer.sent)


def test_a_token_stands_in_the_fragment() -> None:
    assert Links("https://app.example/a", ReadableTokens()).to("page", ID) == f"https://app.example/a/page#token=page~{ID}"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("de, fr;q=0.9", "en"),
        ("en;q=0.1, PT;q=0.2", "pt"),
        ("pt;q=0, en;q=0.1", "en"),
        ("pt;q=rubbish", "en"),
        ("pt;level=1", "en"),
        ("*", "en"),
        ("pt" + ",de" * 10_000, "pt"),
    ],
)
def test_the_language_that_is_liked_best(accepted: str | None, language: str) -> None:
    assert preferred(accepted) == language
