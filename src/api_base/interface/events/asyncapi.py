"""The events that the application publishes, as an AsyncAPI 3.0 document with a channel for each."""

from collections.abc import Sequence
from typing import Final

from api_base.application.common.events.cloud_event import MEDIA_TYPE
from api_base.core.base import DomainEvent
from api_base.interface.events.schemas import CLOUD_EVENT, ENVELOPE, Json, data_schema

SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"


def document(title: str, version: str, events: Sequence[type[DomainEvent]]) -> Json:
    """The document of `events`, each in the CloudEvents envelope. `version` is the version of the API."""
    messages = {event.name: _message(event) for event in events}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": "Events are delivered at least once, in the order of their aggregate's versions.",
        },
        "defaultContentType": MEDIA_TYPE,
        "channels": {name: {"address": None, "messages": {name: _ref("messages", name)}} for name in messages},
        "operations": {f"send.{name}": _operation(name) for name in messages},
        "components": {
            "messages": messages,
            "schemas": {
                name: _schema(schema) for name, schema in {ENVELOPE: CLOUD_EVENT, **{e.name: data_schema(e) for e in events}}.items()
            },
        },
    }


def _operation(name: str) -> Json:
    channel = f"#/channels/{name}"
    return {"action": "send", "channel": {"$ref": channel}, "messages": [{"$ref": f"{channel}/messages/{name}"}]}


def _message(event: type[DomainEvent]) -> Json:
    own = {"type": {"const": event.name}, "data": {"$ref": f"#/components/schemas/{event.name}/schema"}}
    envelope = {"$ref": f"#/components/schemas/{ENVELOPE}/schema"}
    return {
        "name": event.name,
        "title": event.__name__,
        "contentType": MEDIA_TYPE,
        "payload": _schema({"allOf": [envelope, {"type": "object", "properties": own}]}),
    }


def _schema(schema: Json) -> Json:
    """References stay within the document, so the schema drops its own `$id` and `$schema`."""
    return {"schemaFormat": SCHEMA_FORMAT, "schema": {name: value for name, value in schema.items() if name not in ("$id", "$schema")}}


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
