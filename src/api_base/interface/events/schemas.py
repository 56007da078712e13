"""The JSON Schema [2020-12] of each event's `data`, derived from its class, and the schema of the envelope [CloudEvents 1.0.2]."""

from typing import Any, Final

import msgspec

from api_base.core.base import DomainEvent

type Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "cloudevent"
"""The name of the envelope. Names of events contain dots, so it cannot collide."""

_TEXT: Final = {"type": "string", "minLength": 1}

CLOUD_EVENT: Final[Json] = {
    "$schema": DIALECT,
    "$id": f"/events/{ENVELOPE}.json",
    "title": "CloudEvent",
    "description": "An event in the form of CloudEvents 1.0 in JSON. `type` names the event, `dataschema` the schema of `data`.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "format": "uuid", "description": "Identifies the event. Consumers use it to ignore an event that they have already handled."},
        "source": {**_TEXT, "description": "The application."},
        "type": {**_TEXT, "pattern": r"^[a-z_]+\.[a-z_]+\.v[0-9]+$", "description": "`<context>.<fact>.v<version of the schema>`."},
        "subject": {**_TEXT, "format": "uuid", "description": "The id of the aggregate."},
        "time": {**_TEXT, "format": "date-time", "description": "The time at which the event was stored, in UTC."},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {**_TEXT, "format": "uri-reference", "description": "The schema of `data`, relative to the application's address."},
        "sequence": {**_TEXT, "description": "Increases with the versions of an aggregate, compared as text."},
        "aggregateversion": {"type": "integer", "minimum": 1, "description": "The version of the aggregate after the change."},
        "tenantid": {**_TEXT, "format": "uuid", "description": "The tenant. Absent for events that belong to no tenant."},
        "traceparent": {**_TEXT, "description": "The trace of the request that caused the event [W3C Trace Context]. Absent without a trace."},
        "data": {"type": "object"},
    },
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "sequence", "aggregateversion", "data",
    ],
}  # fmt: skip
"""Open for more attributes, as the specification requires."""


def data_schema(event: type[DomainEvent]) -> Json:
    """The schema of an event's `data`. It is open: fields may be added within a version."""
    made = msgspec.json.schema(event)
    definitions = made["$defs"]
    own = definitions.pop(event.__name__)
    return {"$schema": DIALECT, "$id": f"/events/{event.name}.json", **own, **({"$defs": definitions} if definitions else {})}
