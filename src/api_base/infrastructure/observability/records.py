"""The record of a request. It is created on the request path and processed later, in batches."""

from typing import NamedTuple

from api_base.core.types import RequestContext


class RequestRecord(NamedTuple):
    """`route` is the template; `started_at` is in seconds since the epoch, `seconds` the duration."""

    context: RequestContext
    method: str
    route: str
    status: int
    started_at: float
    seconds: float
