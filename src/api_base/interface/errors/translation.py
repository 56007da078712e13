"""Problems in the language that the caller prefers [RFC 9110, section 12.5.4].

An error is written in English where it is raised. A catalogue lists the same sentence in another language: the value of `{name}` in the
English sentence is that of `{name}` in the other one. So an error has one text, and only requests for another language cost more.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from api_base.core.errors import ConfigurationError, Violation
from api_base.core.types import NO_REQUEST, Language, current_context
from api_base.core.types.language import preferred
from api_base.interface.errors import sentences
from api_base.interface.errors.problem import Problem

TABLES: Final = ("sentences", "words")
"""What a catalogue has: titles, details and messages of problems, and what stands within them."""
OTHER_LANGUAGES: Final = tuple(language for language in Language if language is not Language.EN)
"""Those into which English is translated."""
_PLACE: Final = re.compile(r"\{(\w+)(:t)?\}")
_SENTENCES: Final = re.compile(r"(?<=[.!?]) ")
_BEGINNING: Final = 6
"""Characters by which the templates of a sentence are found."""
_MAX_DEPTH: Final = 5
"""Values within values that are translated, and sentences in one value."""
_MAX_LENGTH: Final = 2000
"""Characters of a sentence: each is compared with every template, on the event loop."""


@dataclass(frozen=True, slots=True)
class Template:
    """An English sentence with values: `literals` stand around those of `names`. `target` is the sentence in the other language.

    >>> Template.of("No {what} exists.", "Não existe {what}.").values("No item exists.")
    {'what': 'item'}
    """

    literals: tuple[str, ...]
    names: tuple[str, ...]
    target: str

    @classmethod
    def of(cls, source: str, target: str) -> "Template":
        """Return the template of a sentence of a catalogue."""
        first, *rest = _PLACE.split(source)
        return cls((first, *rest[2::3]), tuple(rest[::3]), target)

    def values(self, text: str) -> dict[str, str] | None:
        """Return the values in `text` by name; None for another sentence. The time is linear in the text, whatever a client put into it."""
        first, *middle, last = self.literals
        position, end = len(first), len(text) - len(last)
        if position > end or not (text.startswith(first) and text.endswith(last)):
            return None
        found = []
        for literal in middle:
            at = text.find(literal, position, end)
            if at < 0:
                return None
            found.append(text[position:at])
            position = at + len(literal)
        return dict(zip(self.names, [*found, text[position:end]], strict=True))


class Catalogue:
    """The sentences of one language. `documents` are the tables of TOML files; the sentence of a later one is used."""

    def __init__(self, *documents: Mapping[str, Mapping[str, str]]) -> None:
        self._plain: dict[str, dict[str, str]] = {}
        self._templates: dict[str, Mapping[str, Sequence[Template]]] = {}
        for table in TABLES:
            known = {source: target for one in documents for source, target in one.get(table, {}).items()}
            self._plain[table] = {source: target for source, target in known.items() if not _PLACE.search(source)}
            templates = [Template.of(source, target) for source, target in known.items() if source not in self._plain[table]]
            self._templates[table] = _by_beginning(sorted(templates, key=lambda one: -len("".join(one.literals))))

    def translated(self, text: str) -> str | None:
        """Return a sentence in the other language; None for one that is not in the catalogue, or is too long to be one."""
        return None if len(text) > _MAX_LENGTH else self._translated("sentences", text, 0)[0]

    def _translated(self, table: str, text: str, depth: int) -> tuple[str | None, bool]:
        """Return the translation, and whether every value that has one is translated: such a template is better than an earlier one."""
        if (plain := self._plain[table].get(text)) is not None:
            return plain, True
        partly = None
        templates = self._templates[table]
        for template in templates.get(text[:_BEGINNING], templates[""]):
            if (values := template.values(text)) is not None:
                filled, whole = self._filled(template.target, values, depth)
                if whole:
                    return filled, True
                partly = partly or filled
        return partly, False

    def _filled(self, target: str, values: Mapping[str, str], depth: int) -> tuple[str, bool]:
        known = []

        def value_at(place: re.Match[str]) -> str:
            value = values[place[1]]
            words = value.strip()
            if place[2] is None or not words:
                return value
            within, whole = self._within(words, depth + 1)
            known.append(whole)
            return value.replace(words, within)

        return _PLACE.sub(value_at, target), all(known)

    def _within(self, value: str, depth: int) -> tuple[str, bool]:
        """Return a value of a sentence, and whether it is known: a word, a sentence, or several of them."""
        if depth > _MAX_DEPTH:
            return value, False
        for table in ("words", "sentences"):
            found, whole = self._translated(table, value, depth)
            if found is not None:
                return found, whole
        parts = _SENTENCES.split(value, _MAX_DEPTH)
        if len(parts) == 1:
            return value, False
        told = [self._within(part, depth + 1) for part in parts]
        return " ".join(text for text, _ in told), all(whole for _, whole in told)


def _by_beginning(templates: Sequence[Template]) -> Mapping[str, Sequence[Template]]:
    """Return the templates that a sentence with a beginning may have, in their order; those of any other sentence under the empty text."""
    beginnings = {one.literals[0][:_BEGINNING] for one in templates}
    return {
        beginning: [one for one in templates if len(own := one.literals[0][:_BEGINNING]) < _BEGINNING or own == beginning]
        for beginning in {"", *(one for one in beginnings if len(one) == _BEGINNING)}
    }


def read(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the tables of a file of sentences. Raises `ConfigurationError` if it cannot be read, or a sentence has other values than its translation."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The sentences in {path} cannot be read: {error}") from None
    for fault in _faults(document):
        raise ConfigurationError(f"The sentences in {path} cannot be used: {fault}")
    return document


def _faults(document: Mapping[str, Any]) -> Iterator[str]:
    for table, found in document.items():
        if table not in TABLES or not isinstance(found, dict):
            yield f"{table} is not one of the tables {', '.join(TABLES)}."
            continue
        for source, target in found.items():
            names = [place[1] for place in _PLACE.finditer(source)]
            if not isinstance(target, str):
                yield f"{table}: {source!r} must have a sentence."
            elif len(set(names)) < len(names) or _PLACE.sub("", source) == "":
                yield f"{table}: {source!r} must have words, and each name once."
            elif "}{" in source:
                yield f"{table}: {source!r} must have text between two values."
            elif unknown := sorted({place[1] for place in _PLACE.finditer(target)} - set(names)):
                yield f"{table}: {source!r} has no {{{unknown[0]}}}, which its translation names."


def catalogues_of(folders: Sequence[Path]) -> Mapping[Language, Catalogue]:
    """Return the catalogues of the base with the sentences in `folders`. Raises `ConfigurationError` for a file that cannot be used."""
    own = Path(sentences.__path__[0])
    return {
        language: Catalogue(
            read(own / f"{language}.toml"), *(read(one) for folder in folders if (one := folder / f"{language}.toml").exists())
        )
        for language in OTHER_LANGUAGES
    }


@cache
def _own() -> Mapping[Language, Catalogue]:
    return catalogues_of(())


current_catalogues: Final[ContextVar[Mapping[Language, Catalogue] | None]] = ContextVar("current_catalogues", default=None)
"""The catalogues of the application; None for those of the base."""


def catalogue_of(language: Language) -> Catalogue:
    """Return the catalogue of a language that the current request uses."""
    return (current_catalogues.get() or _own())[language]


def preferred_language() -> Language:
    """Return the language that the caller of the current request prefers."""
    accepted = current_context.get(NO_REQUEST).accept_language
    return preferred(accepted) if accepted else Language.EN


def language_header() -> Sequence[tuple[bytes, bytes]]:
    """Return `Content-Language` for a problem in another language than English."""
    language = preferred_language()
    return [] if language is Language.EN else [(b"content-language", language.encode())]


def localized(problem: Problem) -> Problem:
    """Return the problem in the language that the caller of the current request prefers. A sentence without a translation stays English."""
    language = preferred_language()
    if language is Language.EN:
        return problem
    catalogue = catalogue_of(language)
    violations = [Violation(one.pointer, one.code, catalogue.translated(one.message) or one.message) for one in problem.violations]
    detail = "; ".join(f"{one.pointer or '/'}: {one.message}" for one in violations) or catalogue.translated(problem.detail)
    title = catalogue.translated(problem.title)
    return replace(problem, title=title or problem.title, detail=detail or problem.detail, violations=violations)
