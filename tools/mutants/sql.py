"""Mutations of the SQL inside a string, by its words."""

import re
from collections.abc import Iterator
from typing import Final

_STATEMENT: Final = re.compile(r"\b(select|update|insert into|delete from|where|order by|and|with)\b")
_TERM: Final = r"(?:[\w.]+ (?:=|<>|<|<=|>|>=|is distinct from|is not|is) (?:any\()?[\w.$':]+(?:\([^()]*\))?\)?(?:::[\w\[\]]+)?|not [\w.]+)"
_RULES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("drop", re.compile(rf" and {_TERM}"), ""),
    ("drop", re.compile(rf"\b{_TERM} and "), ""),
    ("drop", re.compile(r"\b(?:not )?[\w.]+ or (?=[\w.])"), ""),
    ("drop", re.compile(r" or [\w.]+ (?:=|<|<=|>|>=) [\w.$]+(?:\([^()]*\))?"), ""),
    ("swap", re.compile(r" and "), " or "),
    ("swap", re.compile(r" <= "), " < "),
    ("swap", re.compile(r" < "), " <= "),
    ("swap", re.compile(r" >= "), " > "),
    ("swap", re.compile(r" > "), " >= "),
    ("swap", re.compile(r" <> "), " = "),
    ("swap", re.compile(r"\bnot exists\b"), "exists"),
    ("swap", re.compile(r" \+ "), " - "),
    ("swap", re.compile(r"\btrue\b"), "false"),
    ("swap", re.compile(r"\bfalse\b"), "true"),
    ("swap", re.compile(r" desc\b"), ""),
    ("drop", re.compile(r" for update( of \w+)?( skip locked)?"), ""),
    ("drop", re.compile(r" skip locked"), ""),
    ("drop", re.compile(r" on conflict (\([\w, ]+\) )?do nothing"), ""),
)


def is_sql(text: str) -> bool:
    """Whether a string is a statement or a part of one, in the lower case that this project writes SQL in."""
    return len(_STATEMENT.findall(text)) >= 2


def sql_edits(text: str) -> Iterator[str]:
    """`text` with one change each."""
    seen = {text}
    for _, pattern, by in _RULES:
        for match in pattern.finditer(text):
            changed = text[: match.start()] + by + text[match.end() :]
            if changed not in seen:
                seen.add(changed)
                yield changed
