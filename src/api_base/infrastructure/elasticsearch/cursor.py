"""The place of a hit in the order of a search, as a cursor holds it."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from api_base.application.common.search import decode_cursor
from api_base.core.protocols import SearchRequest
from api_base.infrastructure.elasticsearch.mapping import EXACT_LENGTH

MAX_SCORE: Final = 1e9
"""More than any hit has: the grades of `ranking` are 158,500 together."""


def place_after(request: SearchRequest, tenant: UUID) -> Sequence[Any]:
    """Return the sort values (score, length, index, id) of the hit before the page; none without a cursor. Raises `Invalid`."""

    def place(score: float, length: int, index: str, id: str) -> Sequence[Any]:
        if index not in request.indexes or type(length) is not int or not (0 <= score < MAX_SCORE and 0 <= length <= EXACT_LENGTH):
            raise ValueError
        return float(score), length, index, str(UUID(id))

    return decode_cursor(request, tenant, place) or ()
