"""The header fields with which stored files are sent."""

import unicodedata
from collections.abc import Mapping
from typing import Final, Literal
from urllib.parse import quote

INLINE: Final = frozenset(
    {"image/png", "image/jpeg", "image/gif", "image/webp", "audio/mpeg", "audio/ogg", "audio/wav", "video/mp4", "video/webm", "video/ogg"}
)
"""What a browser may render in place: formats without script, links and references. Everything else is downloaded, such as SVG, HTML and PDF."""

SANDBOX: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
"""The Content-Security-Policy of stored files: a page that is one runs no script and loads nothing."""

_ATTRIBUTE_CHARACTERS: Final = "!#$&+-.^_`|~"
"""What RFC 8187 leaves unencoded in addition to letters and digits (attr-char)."""


def content_disposition(name: str, *, inline: bool = False) -> str:
    """Return the field value of Content-Disposition for any `name` [RFC 6266; RFC 8187].

    The first parameter is ASCII, for clients that do not know the second.

    >>> content_disposition("Ação €.txt")
    'attachment; filename="Acao _.txt"; filename*=UTF-8\\'\\'A%C3%A7%C3%A3o%20%E2%82%AC.txt'
    """
    kind = "inline" if inline else "attachment"
    plain = "".join(_ascii(character) for character in unicodedata.normalize("NFC", name))
    if plain == name:
        return f'{kind}; filename="{plain}"'
    encoded = quote(name, safe=_ATTRIBUTE_CHARACTERS, encoding="utf-8", errors="replace")
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def _ascii(character: str) -> str:
    """The letter without its accent, or `_`. `%` would be decoded by some clients, `\\` and `"` end the string in others."""
    base = unicodedata.normalize("NFD", character)[0]
    return base if " " <= base <= "~" and base not in '%"\\/' else "_"


def delivery_headers(
    media_type: str, name: str, *, embedding: Literal["same-origin", "same-site", "cross-origin"] = "same-origin"
) -> Mapping[str, str]:
    """Return the header fields with which a stored file is sent, to any client.

    The browser neither guesses another type nor runs scripts of the file. `embedding` names the sites whose pages may show it.
    """
    return {
        "content-type": media_type,
        "content-disposition": content_disposition(name, inline=media_type in INLINE),
        "x-content-type-options": "nosniff",
        "content-security-policy": SANDBOX,
        "cross-origin-resource-policy": embedding,
    }
