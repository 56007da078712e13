"""The parts of an item and their limits."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from api_base.core.errors import Violation

SKU_LENGTH: Final = 64
NAME_LENGTH: Final = 200
DESCRIPTION_LENGTH: Final = 10_000
CATEGORY_LENGTH: Final = 100
TAG_LENGTH: Final = 50
TAGS: Final = 50
ATTRIBUTES_BYTES: Final = 16_384
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class ItemStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"

    @property
    def transitions(self) -> tuple["ItemStatus", ...]:
        """The statuses that an item of this status may change to."""
        return _TRANSITIONS[self]


_TRANSITIONS: Final = {
    ItemStatus.DRAFT: (ItemStatus.PUBLISHED, ItemStatus.ARCHIVED),
    ItemStatus.PUBLISHED: (ItemStatus.ARCHIVED,),
    ItemStatus.ARCHIVED: (ItemStatus.PUBLISHED,),
}


def text_violation(pointer: str, value: str, max_length: int) -> Violation | None:
    """Text must not be blank or too long, and PostgreSQL must be able to store it: no NUL, no lone surrogate."""
    if not value.strip():
        return Violation(pointer, "blank", "must not be blank")
    if len(value) > max_length:
        return Violation(pointer, "too_long", f"has {len(value)} characters; at most {max_length} are allowed")
    if "\0" in value:
        return Violation(pointer, "nul", "must not contain the character NUL")
    if not value.isascii() and _SURROGATE.search(value):
        return Violation(pointer, "surrogate", "must not contain a lone surrogate")
    return None


def tags_violations(tags: Iterable[str]) -> Iterator[Violation]:
    """Each tag must be valid text and unique; the number of tags is limited."""
    seen: set[str] = set()
    for position, tag in enumerate(tags):
        if violation := text_violation(f"/tags/{position}", tag, TAG_LENGTH):
            yield violation
        elif tag in seen:
            yield Violation(f"/tags/{position}", "duplicate", f"must not repeat the tag {tag!r}")
        seen.add(tag)
    if len(seen) > TAGS:
        yield Violation("/tags", "too_many", f"has {len(seen)} tags; at most {TAGS} are allowed")


def attributes_violation(attributes: Mapping[str, Any]) -> Violation | None:
    """Any JSON object up to `ATTRIBUTES_BYTES` without NUL. Parsers accept NaN and Infinity, but they are not JSON [RFC 8259, section 6]."""
    try:
        encoded = json.dumps(attributes, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return Violation("/attributes", "number", "must not contain NaN, Infinity or a number beyond 64-bit floating point")
    if len(encoded) > ATTRIBUTES_BYTES or len(encoded.encode(errors="surrogatepass")) > ATTRIBUTES_BYTES:
        return Violation("/attributes", "too_big", f"is larger than {ATTRIBUTES_BYTES} bytes of JSON")
    if _SURROGATE.search(encoded):
        return Violation("/attributes", "surrogate", "must not contain a lone surrogate")
    if "\\u0000" in encoded or "\0" in encoded:
        return Violation("/attributes", "nul", "must not contain the character NUL")
    return None
