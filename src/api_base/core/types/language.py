"""The language of e-mails and pages that a client prefers."""

from typing import Final

from api_base.core.types import Language

_MAX_LANGUAGES: Final = 20
"""Maximum number of language ranges of a header that are evaluated."""


def preferred(accepted: str | None) -> Language:
    """The supported language that an Accept-Language header prefers [RFC 9110, section 12.5.4; lookup of RFC 4647, section 3.4].

    English where none is named.

    >>> preferred("de, pt-BR;q=0.8, en;q=0.5")
    <Language.PT: 'pt'>
    """
    best, language = 0.0, Language.EN
    for part in (accepted or "").split(",")[:_MAX_LANGUAGES]:
        tag, _, parameter = part.partition(";")
        wanted = _supported(tag.strip().lower())
        if wanted is not None and (quality := _quality(parameter)) > best:
            best, language = quality, wanted
    return language


def _supported(tag: str) -> Language | None:
    primary = tag.partition("-")[0]
    return Language(primary) if primary in set(Language) else None


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return min(float(value), 1.0) if name.lower() == "q" else 0.0
    except ValueError:
        return 0.0
