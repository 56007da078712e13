"""An event as the outside sees it: CloudEvents 1.0 in JSON, with the extensions of distributed tracing and our own."""

from typing import Any, Final

import msgspec

from api_base.core.protocols import StoredEvent

MEDIA_TYPE: Final = "application/cloudevents+json"


def cloud_event(event: StoredEvent, source: str) -> dict[str, Any]:
    """`source` names the application. The version in the event's name is that of its schema [CloudEvents 1.0.2, section 3]."""
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(event.id),
        "source": source,
        "type": event.name,
        "subject": str(event.aggregate_id),
        "time": event.at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"/events/{event.name}.json",
        "sequence": f"{event.sequence:020}",
        "aggregateversion": event.aggregate_version,
    }
    if event.tenant_id is not None:
        attributes["tenantid"] = str(event.tenant_id)
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    return {**attributes, "data": msgspec.Raw(event.payload)}


def encoded(event: StoredEvent, source: str) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(cloud_event(event, source))
