"""Cursors of pages: the place of the last hit, bound to the search and to the tenant. What the place is, each engine decides."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import Invalid
from api_base.core.protocols import SearchRequest
from api_base.core.shared import base64url

MAX_LENGTH: Final = 200
"""Characters of a cursor."""


def encode_cursor(request: SearchRequest, tenant: UUID, place: Sequence[Any]) -> str:
    """Return the cursor behind the hit at `place`, whose values are of JSON."""
    return base64url.encode(json.dumps([_digest(request, tenant), *place], separators=(",", ":")).encode())


def decode_cursor[T](request: SearchRequest, tenant: UUID, read: Callable[..., T]) -> T | None:
    """Return what `read` makes of the values of the place; None without a cursor.

    Raises `Invalid` for a cursor of another search, tenant or engine, and for any other text: `read` raises `ValueError` or `TypeError` for values
    that no hit has. The digest has no secret, so they may be anything.
    """
    if request.cursor is None:
        return None
    try:
        if len(request.cursor) > MAX_LENGTH:
            raise ValueError
        digest, *place = json.loads(base64url.decode(request.cursor))
        if digest != _digest(request, tenant):
            raise ValueError
        return read(*place)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise Invalid.of("/query/cursor", "cursor", "is not a cursor of this search; request the first page without a cursor") from None


def _digest(request: SearchRequest, tenant: UUID) -> str:
    text = repr((str(tenant), request.indexes, request.q, request.filter))
    return hashlib.blake2s(text.encode(errors="surrogatepass"), digest_size=9).hexdigest()
