"""Cursors of pages: the sort values of the last hit, bound to the request and to the tenant."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from api_base.core.errors import Invalid
from api_base.core.protocols import SearchRequest
from api_base.infrastructure.elasticsearch.mapping import EXACT_LENGTH
from api_base.infrastructure.serialization.json_codec import decode, encode

MAX_LENGTH: Final = 500
MAX_SCORE: Final = 1e9
"""More than any hit has: the grades of `ranking` are 158,500 together."""


def encode_cursor(request: SearchRequest, tenant: UUID, keys: Sequence[Any]) -> str:
    """Return the cursor behind a hit with these sort values: score, length, index, id."""
    return base64.urlsafe_b64encode(encode([_digest(request, tenant), *keys])).decode().rstrip("=")


def decode_cursor(request: SearchRequest, tenant: UUID) -> Sequence[Any]:
    """Return the sort values; none without a cursor. Raises `Invalid` for a cursor of another request or tenant, and for any other text."""
    cursor = request.cursor
    if cursor is None:
        return ()
    try:
        if len(cursor) > MAX_LENGTH:
            raise ValueError
        digest, score, length, index, id = decode(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if digest != _digest(request, tenant) or index not in request.indexes or type(length) is not int:
            raise ValueError
        if not (0 <= score < MAX_SCORE and 0 <= length <= EXACT_LENGTH):
            raise ValueError
        return float(score), length, index, str(UUID(id))
    except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError):
        raise Invalid.of("/query/cursor", "cursor", "is not a cursor of this search; request the first page without a cursor") from None


def _digest(request: SearchRequest, tenant: UUID) -> str:
    shape = [str(tenant), list(request.indexes), request.q, repr(request.filter)]
    return hashlib.blake2b(encode(shape), digest_size=6).hexdigest()
