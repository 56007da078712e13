"""The public form of an event: CloudEvents 1.0 in JSON, with the extension for distributed tracing and extensions of our own.

It uses the standard library, so that every adapter may import it; the payload is JSON already and is inserted unchanged.
"""

import json
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from api_base.core.protocols import StoredEvent
from api_base.core.shared.trace_context import TraceContext

MEDIA_TYPE: Final = "application/cloudevents+json"


def encoded(event: StoredEvent, source: str) -> bytes:
    """One line of JSON. `source` is the public URL of the application. The version in the event's name is that of its schema
    [CloudEvents 1.0.2, section 3]."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.name,
        "subject": str(event.aggregate_id),
        "time": event.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"{source}/events/{event.name}.json",
        "sequence": f"{event.sequence:020}",
        "aggregateversion": event.aggregate_version,
        "requestid": event.request_id,
    }
    optional = {"tenantid": event.tenant_id, "actorid": event.actor_id, **dict(_trace(event))}
    attributes |= {name: str(value) for name, value in optional.items() if value is not None}
    head = json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))[:-1]
    return b'%s,"data":%s}' % (head.encode(), event.payload)


def decoded(record: bytes) -> StoredEvent:
    """Decode an event that `encoded` wrote. Raises `ValueError` for a record that is not an event of this application."""
    try:
        found: dict[str, Any] = json.loads(record)
        return StoredEvent(
            sequence=int(found["sequence"]),
            id=UUID(found["id"]),
            at=datetime.fromisoformat(found["time"]),
            name=found["type"],
            tenant_id=_id(found.get("tenantid")),
            aggregate_id=UUID(found["subject"]),
            aggregate_version=found["aggregateversion"],
            actor_id=_id(found.get("actorid")),
            request_id=found["requestid"],
            traceparent=str(TraceContext.received(found.get("traceparent"), found.get("tracestate"), None)),
            payload=json.dumps(found["data"], ensure_ascii=False, separators=(",", ":")).encode(),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event of this application: {type(error).__name__}: {error}") from error


def _trace(event: StoredEvent) -> list[tuple[str, str]]:
    """The attributes of the extension for distributed tracing, which has no baggage."""
    return TraceContext.parse(event.traceparent)._replace(baggage="").headers()


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
