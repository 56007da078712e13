"""The JSON Schema [2020-12] of each event's `data`, made from its class, and that of the envelope around it [CloudEvents 1.0.2]."""

from typing import Any, Final

import msgspec

from api_base.core.base import DomainEvent

type Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "cloudevent"
"""The envelope's name beside those of events, which have dots."""

_TEXT: Final = {"type": "string", "minLength": 1}

CLOUD_EVENT: Final[Json] = {
    "$schema": DIALECT,
    "$id": f"/events/{ENVELOPE}.json",
    "title": "CloudEvent",
    "description": "An event as it leaves the application: CloudEvents 1.0 in JSON. `type` names the event, `dataschema` the schema of `data`.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "format": "uuid", "description": "Of this event alone: who has handled it may pass it over the next time."},
        "source": {**_TEXT, "description": "The application."},
        "type": {**_TEXT, "pattern": r"^[a-z_]+\.[a-z_]+\.v[0-9]+$", "description": "`<context>.<fact>.v<version of the schema>`."},
        "subject": {**_TEXT, "format": "uuid", "description": "The aggregate that it happened to."},
        "time": {**_TEXT, "format": "date-time", "description": "When it was stored, UTC."},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {**_TEXT, "format": "uri-reference", "description": "The schema of `data`, from the application's address."},
        "sequence": {**_TEXT, "description": "Grows, as text, with the versions of one aggregate."},
        "aggregateversion": {"type": "integer", "minimum": 1, "description": "The version that the change gave the aggregate."},
        "tenantid": {**_TEXT, "format": "uuid", "description": "Absent for what belongs to no tenant."},
        "traceparent": {**_TEXT, "description": "What caused it [W3C Trace Context]; absent where nobody traced."},
        "data": {"type": "object"},
    },
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "sequence", "aggregateversion", "data",
    ],
}  # fmt: skip
"""Open, as the specification wants it: more attributes may come."""


def data_schema(event: type[DomainEvent]) -> Json:
    """Of an event's `data`. Open too: fields may be added to a version."""
    made = msgspec.json.schema(event)
    definitions = made["$defs"]
    own = definitions.pop(event.__name__)
    return {"$schema": DIALECT, "$id": f"/events/{event.name}.json", **own, **({"$defs": definitions} if definitions else {})}
