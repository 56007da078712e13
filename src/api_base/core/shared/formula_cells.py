"""Cells that a spreadsheet would calculate [OWASP, CSV Injection]: an apostrophe before them makes them text."""

import re
from typing import Final

_FORMULA: Final = re.compile(r"'*+[=+\-@\t\r]")
_NEUTRAL: Final = re.compile(r"'++[=+\-@\t\r]")
_NUMBER: Final = re.compile(r"[+-]?[0-9]++(?:[.,][0-9]++)?")


def neutral_cell(cell: str) -> str:
    """The cell as text; a number stays a number.

    >>> neutral_cell("=1+2"), neutral_cell("-5"), neutral_cell("'=1")
    ("'=1+2", '-5', "''=1")
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def original_cell(cell: str) -> str:
    """The cell before `neutral_cell`.

    >>> original_cell("'=1+2"), original_cell("-5"), original_cell("''=1"), original_cell("'quoted'")
    ('=1+2', '-5', "'=1", "'quoted'")
    """
    return cell[1:] if _NEUTRAL.match(cell) else cell
