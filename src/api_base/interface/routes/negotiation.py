"""What a client accepts [RFC 9110, section 12.5]: the media type of the response by Accept, its content coding by Accept-Encoding."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from api_base.interface.errors.http import NotAcceptable

JSON: Final = "application/json"
MAX_MEMBERS: Final = 64
"""Members of a header that are read. Browsers send fewer than ten."""
CODINGS: Final = ("zstd", "br", "gzip")
"""Those of this server, the cheapest for the same size first."""

_USUAL: Final = frozenset({b"*/*", b"application/json", b"application/json, text/plain, */*", b"application/json, */*;q=0.5"})
"""What most clients send: curl, requests and httpx; generated ones; axios; HTTPie."""
_RANGE: Final = re.compile(r"[!#-'*+.0-9a-z^_`|~-]+/[!#-'*+.0-9a-z^_`|~-]+")
"""Type and subtype are tokens [RFC 9110, section 5.6.2]."""
_WEIGHT: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def chosen(accept: bytes, offered: Sequence[str]) -> str:
    """Return the media type with the highest weight in the value of Accept, the first of `offered` among equals.

    `offered` begins with JSON. A value without any media range says nothing. Raises `NotAcceptable` if Accept excludes them all.

    >>> chosen(b"text/csv, application/json", ("application/json", "text/csv")), chosen(b"text/*", ("application/json", "text/csv"))
    ('application/json', 'text/csv')
    """
    if accept in _USUAL:
        return offered[0]
    weights = {name: weight for name, weight in members(accept.decode("latin-1")) if _RANGE.fullmatch(name)}
    if not weights:
        return offered[0]
    best = max(offered, key=lambda one: _weight_of(one, weights))  # the first of equals
    if not _weight_of(best, weights):
        raise NotAcceptable(f"The response can be {' or '.join(offered)}; Accept excludes that. Accept it, or send */*.")
    return best


def accepts(accept: str, media_type: str) -> bool:
    """Return whether the most specific range for `media_type` in the value of Accept has a weight above 0.

    >>> accepts("text/html, application/*;q=0.5", "application/json")
    True
    >>> accepts("*/*, application/json;q=0", "application/json")
    False
    """
    return _weight_of(media_type, dict(members(accept))) > 0


def _weight_of(media_type: str, weights: Mapping[str, float]) -> float:
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((weights[one] for one in ranges if one in weights), 0.0)


@lru_cache(maxsize=64)
def content_coding(accept_encoding: bytes) -> str | None:
    """Return the coding with the highest weight, the first of `CODINGS` among equals; None if the content is better sent as it is.

    >>> content_coding(b"gzip, br;q=0.9, zstd;q=0"), content_coding(b"gzip, deflate, br, zstd")
    ('gzip', 'zstd')
    >>> content_coding(b"identity"), content_coding(b"gzip;q=0.5, identity"), content_coding(b"*")
    (None, None, 'zstd')
    """
    weights = dict(members(accept_encoding.decode("latin-1")))
    if "x-gzip" in weights:  # another name of it [RFC 9110, section 8.4.1.3]
        weights.setdefault("gzip", weights["x-gzip"])
    offered = {one: weights.get(one, weights.get("*", 0.0)) for one in CODINGS}
    best = max(CODINGS, key=offered.__getitem__)
    return best if offered[best] > 0 and offered[best] >= weights.get("identity", 0.0) else None


def members(value: str) -> Iterator[tuple[str, float]]:
    """Yield the members of a header, in lower case and without parameters, with their weights.

    One with a weight that is none, or with another charset than UTF-8, weighs nothing.
    """
    for member in value.lower().split(",", MAX_MEMBERS)[:MAX_MEMBERS]:
        name, *parameters = [part.strip() for part in member.split(";")]
        if name:
            yield name, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            weight = float(value) if _WEIGHT.fullmatch(value) else 0.0
        elif name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return 0.0
    return weight
