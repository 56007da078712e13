"""E-mails to users: templates by language, links, recipients.

A template has one file for each language, `<email>.<language>.txt`, which is rendered as text and as HTML. The first line is the subject;
`$name` is replaced [string.Template]. Values come from strangers, who must not speak to the reader in our name: each is one short line without
links and quotation marks, and is escaped in HTML. A paragraph that consists of `$link`, which is ours, becomes a hyperlink in HTML.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Final
from uuid import UUID

from api_base.application.common.cqrs import PUBLIC, Command
from api_base.core.protocols import Isolation, LinkTokens, Mail, Mailer
from api_base.core.types import Language

NONE: Final[Mapping[str, str]] = MappingProxyType({})

MAX_LENGTH: Final = 80
"""Characters of a value in an e-mail."""
_LINK: Final = re.compile(r"[^\W\d_]{3}:.|://|@|\w[.。｡]\w*[^\W\d_]{2}|[.。｡].*/").search
"""What mail programs turn a word into a link for: a scheme, an address, a domain, a path."""
_QUOTES: Final = re.compile(r"[\"“”„‟«»‹›`´]")

_HTML: Final = """<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>{subject}</title></head>
<body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">
{paragraphs}
</body>
</html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """The recipient of an e-mail."""

    email: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailJob(Command[None]):
    """Internal: a job that sends an e-mail, outside a transaction, so that a slow mail server keeps no connection to the database."""

    permission = PUBLIC
    isolation = Isolation.NONE


class EmailTemplates:
    """Sends the templates in `folder` through `mailer`. `app_name` replaces `$app` in all of them."""

    def __init__(self, folder: Path, mailer: Mailer, app_name: str) -> None:
        self._folder, self._mailer, self._app_name = folder, mailer, app_name

    async def send(self, template: str, to: Recipient, id: UUID | str, *, ours: Mapping[str, str] = NONE, **values: str) -> None:
        """Send one e-mail. `id` identifies its subject matter: the same template is sent once for each id. `ours` are values that the
        application made: a link, a time. Raises what `Mailer.send` raises.
        """
        subject, text = _template(self._folder, template, to.language)
        values = {name: harmless(value) for name, value in values.items()} | {"app": self._app_name, **ours}
        title = subject.substitute(values)
        mail = Mail(
            key=f"{template}.{id}",
            to=to.email,
            language=to.language,
            subject=title,
            text=text.substitute(values),
            html=_html(text, title, to.language, values),
        )
        await self._mailer.send(mail)


def harmless(text: str) -> str:
    """One line of at most `MAX_LENGTH` characters that mail programs show as text and that cannot end a quotation.

    >>> harmless("Please pay at http://evil.example/x")
    'Please pay at http evil example x'
    """
    start = unicodedata.normalize("NFKC", text[: 4 * MAX_LENGTH])
    visible = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in start)
    words = (re.sub(r"[\W_]+", " ", word).strip() if _LINK(word) else word for word in _QUOTES.sub("'", visible).split())
    line = " ".join(filter(None, words))
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 1].rstrip()}…"


@cache
def _template(folder: Path, name: str, language: Language) -> tuple[Template, Template]:
    subject, _, text = (folder / f"{name}.{language}.txt").read_text(encoding="utf-8").partition("\n")
    return Template(subject), Template(text.lstrip("\n"))


def _html(text: Template, subject: str, language: Language, values: dict[str, str]) -> str:
    escaped = {name: escape(value) for name, value in values.items()}
    paragraphs = "\n".join(_paragraph(part, escaped) for part in text.template.strip().split("\n\n"))
    return _HTML.format(language=language, subject=escape(subject), paragraphs=paragraphs)


def _paragraph(part: str, escaped: dict[str, str]) -> str:
    filled = Template(escape(part, quote=False)).substitute(escaped)
    return f'<p><a href="{filled}">{filled}</a></p>' if part == "$link" else f"<p>{filled}</p>"


class Links:
    """`base` is the URL of the pages, without a trailing slash.

    The token is in the fragment, which browsers do not send [RFC 3986, section 3.5], so it reaches no log and no Referer.
    """

    def __init__(self, base: str, tokens: LinkTokens) -> None:
        self._base, self._tokens = base, tokens

    def to(self, page: str, *ids: UUID) -> str:
        """The link to `page`. Its token is valid for that page only."""
        return f"{self._base}/{page}#token={self._tokens.seal(page, *ids)}"
