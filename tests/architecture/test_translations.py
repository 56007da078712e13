"""Every sentence that the base gives to an error with a problem is in the catalogue, and the catalogue has no other ones."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest
import zxcvbn.feedback

from api_base.core.types import Language
from api_base.interface.errors import sentences
from api_base.interface.errors.handlers import INTERNAL, PROBLEMS
from tests.sentences import SOURCE, portuguese, raised, refusals, skeleton, strings

CATALOGUE: Final = Path(sentences.__path__[0]) / f"{Language.PT}.toml"
FOR_OTHERS: Final = {
    "core/config/": "settings, which the command line shows",
    "core/di/": "settings, which the command line shows",
    "core/shared/rfc3339.py": "fragments, which the callers put into their own words",
    "generating/": "the command line",
    "operations/": "the command line",
    "serving/": "the command line",
    "application/common/events/": "events, which only workers handle",
    "infrastructure/db/migrations/": "the command line",
    "infrastructure/elasticsearch/": "reasons, which only the log has",
    "infrastructure/events/": "events, which only workers handle",
    "infrastructure/flags/mapper.py": "the reason of a fault in the database, which the log has",
    "infrastructure/importing/stored_file.py": "a file that is closed while it is read, which no request sees",
    "infrastructure/kafka/": "workers only",
    "infrastructure/mail/": "workers only",
    "infrastructure/redis/address.py": "settings, which the command line shows",
    "infrastructure/remote/rpc_messages.py": "the log",
    "infrastructure/resilience/": "declarations, which fail at start",
    "infrastructure/storage/inspection/images.py": "steps of the reader, which become one refusal",
    "infrastructure/storage/inspection/inspector.py:no end": "a step of the reader, which becomes one refusal",
}
"""Modules whose sentences no client sees, and why."""
WITHIN: Final = frozenset({"Violation", "ValueError", "PydanticCustomError"})
"""What takes sentences beside the errors themselves: violations, and validators of pydantic."""


def required() -> list[tuple[str, str]]:
    """Return the place and the text of every sentence that clients may see."""
    names, found = refusals() | WITHIN, []
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE).as_posix()
        for line, text in raised(path, names):
            if not any(f"{module}:{text}".startswith(one) for one in FOR_OTHERS):
                found.append((f"{module}:{line}", text))
    return found


@cache
def catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads(CATALOGUE.read_text("utf-8"))


def test_every_sentence_has_a_translation() -> None:
    portuguese_, found = portuguese(), required()
    assert len(found) > 300
    missing = [f"{place}: {text!r}" for place, text in found if not _known(portuguese_, text.replace("{}", "§"))]
    assert not missing, f"Add these sentences to {CATALOGUE.name}, or their module to FOR_OTHERS:\n" + "\n".join(missing)


def _known(found: object, text: str) -> bool:
    words = catalogue()["words"]
    return found.translated(text) is not None or skeleton(text.replace("§", "{}")) in {skeleton(one) for one in words}  # type: ignore[attr-defined]


def test_every_title_has_a_translation() -> None:
    found = portuguese()
    assert [kind.title for kind in [*PROBLEMS.values(), INTERNAL] if found.translated(kind.title) is None] == []


def test_every_sentence_of_the_catalogue_is_one_of_the_source() -> None:
    known = {text for path in SOURCE.rglob("*.py") for text in strings(path)} | set(strings(Path(zxcvbn.feedback.__file__)))
    whole = "\n".join(known)
    unknown = [one for one in catalogue()["sentences"] if not _written(skeleton(one), known, whole)]
    assert not unknown, "No error has these sentences any longer. Remove them:\n" + "\n".join(unknown)


def _written(text: str, known: set[str], whole: str) -> bool:
    """Whether the source has the sentence, or the part of it that is put together with a number or a name."""
    return text in known or text.removesuffix(" {}") in known or text.removesuffix("{}") in known or text in whole


@pytest.mark.parametrize("module", sorted({one.partition(":")[0] for one in FOR_OTHERS}))
def test_what_is_left_out_exists(module: str) -> None:
    assert (SOURCE / module).exists()


def test_no_value_of_a_sentence_is_lost() -> None:
    """What a sentence names, its translation names too; an article is the only word that another language may not need."""
    for source, target in catalogue()["sentences"].items():
        lost = {name for name in _names(source) if f"{{{name}}}" not in target and f"{{{name}:t}}" not in target}
        assert lost <= {"article"}, source


def _names(sentence: str) -> list[str]:
    return [part.partition("}")[0] for part in sentence.split("{")[1:]]
