"""Names of files that clients send. A name is a label, never a path: storage keys do not contain it.

What is not a name on every system is refused and not repaired, so that a file has the name that its owner sees.
"""

import re
from typing import Final

from api_base.core.errors import Invalid, Violation
from api_base.domain.common.text import TextRule

MAX_BYTES: Final = 255
"""Bytes of a name in UTF-8: the limit of one component of a path on Linux, and more than that of Windows and macOS."""

_RULE: Final = TextRule(max_length=MAX_BYTES)
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE)
"""Devices of Windows, with and without an extension."""
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_CHARACTERS: Final = re.compile(r'[<>:"|?*]')
"""What Windows accepts in no name."""


def file_name(name: str, pointer: str = "/name") -> str:
    """Return `name` as it is stored: in NFC and trimmed. Raises `Invalid` at `pointer`.

    >>> file_name(" Relatório.pdf ")
    'Relatório.pdf'
    """
    stored = _RULE.parse(name, pointer)
    if problem := _problem(stored):
        raise Invalid([Violation(pointer, *problem)])
    return stored


def _problem(name: str) -> tuple[str, str] | None:
    if "/" in name or "\\" in name or _DRIVE.match(name) or not name.strip(". "):
        return "path", "must be a name without a path: no /, no \\, no drive letter, more than dots"
    if wrong := _CHARACTERS.search(name):
        return "character", f"must not contain {wrong[0]}, which not every system accepts in a name"
    if name.endswith("."):
        return "final_dot", "must not end with a dot, which Windows removes"
    if _DEVICE.fullmatch(name):
        return "device", "must not be the name of a device of Windows, such as CON or LPT1"
    if (length := len(name.encode())) > MAX_BYTES:
        return "too_long", f"has {length} bytes in UTF-8; at most {MAX_BYTES} are allowed"
    return None
