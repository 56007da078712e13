"""The access log: one line for each request, JSON in production and text in development. Never contains the raw path or a query string."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO
from uuid import UUID

import msgspec

from api_base.infrastructure.observability.recorder import RequestRecord
from api_base.infrastructure.serialization.json_codec import encode_lines


class _Line(msgspec.Struct, omit_defaults=True, gc=False):
    timestamp: datetime
    request_id: str
    trace_id: str
    method: str
    route: str
    status: int
    milliseconds: float
    address: str
    level: str
    event: str
    component: str
    principal: UUID | None = None
    tenant: UUID | None = None


class AccessLog:
    """Writes to `stream`; `json` chooses the format."""

    def __init__(self, stream: TextIO, *, json: bool) -> None:
        self._stream, self._json = stream, json

    def write(self, records: Sequence[RequestRecord]) -> None:
        """Write the lines of `records`, in order. Raises `OSError` of the stream."""
        lines = [_line(record) for record in records]
        text = encode_lines(lines).decode() if self._json else "".join(_readable(line) for line in lines)
        self._stream.write(text)
        self._stream.flush()


def _line(record: RequestRecord) -> _Line:
    context, principal = record.context, record.context.principal
    return _Line(
        timestamp=datetime.fromtimestamp(record.started_at, UTC),
        request_id=context.request_id,
        trace_id=context.trace_id,
        method=record.method,
        route=record.route,
        status=record.status,
        milliseconds=round(record.seconds * 1000, 3),
        address=context.address,
        level="info" if record.status < 500 else "error",
        event="request",
        component="access",
        principal=None if principal is None else principal.user_id,
        tenant=None if principal is None else principal.tenant_id,
    )


def _readable(line: _Line) -> str:
    who = f" principal={line.principal} tenant={line.tenant or '-'}" if line.principal else ""
    return (
        f"{line.timestamp:%H:%M:%S} {line.status} {line.method} {line.route} {line.milliseconds:.1f} ms"
        f" address={line.address} request_id={line.request_id} trace_id={line.trace_id or '-'}{who}\n"
    )
