"""Entity tags [RFC 9110, section 8.8.3]: `"v<version>-<representation>"`. Conditions on changes compare the version alone.

The representation ends with the content coding of a compressed response, as in `"v1-json1.gzip"`.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from api_base.interface.errors.http import BadRequest
from api_base.interface.routes.negotiation import CODINGS

_ELEMENT: Final = re.compile(r'[ \t]*+(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*+)"[ \t]*+)?(?:,|$)')
"""An element of a list, which may be empty [RFC 9110, section 5.6.1.2]. A tag may contain commas."""
_MAX_ELEMENTS: Final = 32
_VERSIONED: Final = re.compile(r"v([0-9]{1,9})-.*")

_CODED: Final = re.compile(rf"\.(?:{'|'.join(CODINGS)})$")
"""The end of the tag of a compressed response."""

NEVER: Final = -1
"""A version that no resource has, for a tag that this server did not issue."""


def representation(api_version: int | None = None) -> str:
    """Return media type and API version of a response. Another representation of the same version of a resource has another tag."""
    return f"json{api_version or 1}"


def entity_tag(api_version: int | None = None) -> str:
    """Return the format of the tag of a version of a resource."""
    return f'"v%d-{representation(api_version)}"'


def sparse_tag(tag: str, fields: Sequence[str]) -> str:
    """Return the tag of what `?fields=` reduces to `fields`. `tag` is that of the whole."""
    return f'{tag[:-1]}.{hashlib.blake2s(",".join(fields).encode(), digest_size=4).hexdigest()}"'


def expected_version(if_match: str) -> int | None:
    """Return the version in If-Match, or None for `*`.

    Raises `BadRequest` for a value that is not a list of tags. A weak tag never matches [RFC 9110, section 13.1.1], nor does a tag that
    this server did not issue.
    """
    if if_match.strip() == "*":
        return None
    versions = set()
    for weak, opaque in _tags(if_match, "If-Match"):
        match = _VERSIONED.fullmatch(opaque)
        versions.add(int(match[1]) if match and not weak else NEVER)
    known = versions - {NEVER}
    if len(known) > 1:
        raise BadRequest("If-Match names several versions. Send the ETag of the version that you read.")
    return known.pop() if known else NEVER


def matches(if_none_match: str, tag: str) -> bool:
    """Return whether If-None-Match contains `tag`, by weak comparison [RFC 9110, section 13.1.2]."""
    return known_tag(if_none_match, tag) is not None


def known_tag(if_none_match: str, tag: str) -> str | None:
    """Return the tag in If-None-Match that is `tag`, or that of the same content in a coding; None if none is. For `*` it is `tag`."""
    if if_none_match.strip() == "*":
        return tag
    return next((f'"{opaque}"' for _, opaque in _tags(if_none_match, "If-None-Match") if f'"{_CODED.sub("", opaque)}"' == tag), None)


def matches_strongly(if_match: str, tag: str) -> bool:
    """Return whether If-Match contains `tag`, by strong comparison [RFC 9110, section 13.1.1]."""
    return if_match.strip() == "*" or any(f'"{opaque}"' == tag and not weak for weak, opaque in _tags(if_match, "If-Match"))


def _tags(text: str, header: str) -> list[tuple[bool, str]]:
    tags: list[tuple[bool, str]] = []
    position = elements = 0
    while position < len(text) and elements < _MAX_ELEMENTS and (match := _ELEMENT.match(text, position)):
        position, elements = match.end(), elements + 1
        if match[2] is not None:
            tags.append((match[1] is not None, match[2]))
    if position < len(text) or not tags:
        raise BadRequest(f'{header} is not a list of entity tags, such as "v1-json1".')
    return tags
