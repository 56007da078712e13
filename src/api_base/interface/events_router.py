"""Public descriptions of the events.

The JSON Schema [2020-12] of each event's `data` is derived from its class; the envelope has one as well [CloudEvents 1.0.2], and an
AsyncAPI 3.0 document has a channel for each event.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from api_base.application.common.events.cloud_event import MEDIA_TYPE
from api_base.core.base import DomainEvent
from api_base.interface.errors.http import RouteNotFound

type Json = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
ENVELOPE: Final = "cloudevent"
"""The name of the envelope. Names of events contain dots, so it cannot collide."""

_TEXT: Final = {"type": "string", "minLength": 1}

CLOUD_EVENT: Final[Json] = {
    "$schema": DIALECT,
    "$id": f"{ENVELOPE}.json",
    "title": "CloudEvent",
    "description": "An event in the form of CloudEvents 1.0 in JSON. `type` names the event, `dataschema` the schema of `data`.",
    "type": "object",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {**_TEXT, "format": "uuid", "description": "Identifies the event. Consumers use it to ignore an event that they have already handled."},
        "source": {**_TEXT, "format": "uri", "description": "The public URL of the application."},
        "type": {**_TEXT, "pattern": r"^[a-z_]+\.[a-z_]+\.v[0-9]+$", "description": "`<context>.<fact>.v<version of the schema>`."},
        "subject": {**_TEXT, "format": "uuid", "description": "The id of the aggregate."},
        "time": {**_TEXT, "format": "date-time", "description": "The time at which the event was stored, in UTC."},
        "datacontenttype": {"const": "application/json"},
        "dataschema": {**_TEXT, "format": "uri", "description": "The URL of the schema of `data`."},
        "sequence": {**_TEXT, "description": "Increases with the versions of an aggregate, compared as text."},
        "aggregateversion": {"type": "integer", "minimum": 1, "description": "The version of the aggregate after the change."},
        "tenantid": {**_TEXT, "format": "uuid", "description": "The tenant. Absent for events that belong to no tenant."},
        "traceparent": {**_TEXT, "description": "The trace of the request that caused the event [W3C Trace Context]. Absent without a trace."},
        "tracestate": {**_TEXT, "description": "What tracing systems of the caller added to it [W3C Trace Context]. Absent without a trace."},
        "data": {"type": "object"},
    },
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema", "sequence", "aggregateversion", "data",
    ],
}  # fmt: skip
"""Open for more attributes, as the specification requires."""


def data_schema(event: type[DomainEvent]) -> Json:
    """The schema of an event's `data`. It is open: fields may be added within a version. Its `$id` is relative to the URL that it is read from.

    Types within it stand where they are used: in the AsyncAPI document, a reference to `$defs` would lead to the root of the document.
    """
    definitions: Json = msgspec.json.schema(event)["$defs"]
    own: Json = _whole(definitions[event.__name__], definitions)
    return {"$schema": DIALECT, "$id": f"{event.name}.json", **own}


def _whole(schema: Any, definitions: Json) -> Any:
    """Return a schema with the definitions in the place of references to them."""
    if isinstance(schema, list):
        return [_whole(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        named: Any = definitions[schema["$ref"].rpartition("/")[2]]
        return _whole({**named, **{key: value for key, value in schema.items() if key != "$ref"}}, definitions)
    return {key: _whole(value, definitions) for key, value in schema.items()}


SCHEMA_FORMAT: Final = "application/schema+json;version=2020-12"


def asyncapi(title: str, version: str, events: Sequence[type[DomainEvent]]) -> Json:
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


def routes(title: str, version: str, events: Sequence[type[DomainEvent]]) -> APIRouter:
    """GET /events/{name}.json and GET /asyncapi.json. `version` is the version of the API."""
    router = APIRouter(include_in_schema=False)
    by_name = {event.name: event for event in events}

    @router.api_route("/events/{name}.json", methods=["GET", "HEAD"])
    async def event_schema(name: str) -> Response:
        if name != ENVELOPE and name not in by_name:
            raise RouteNotFound
        schema = CLOUD_EVENT if name == ENVELOPE else data_schema(by_name[name])
        return Response(
            msgspec.json.encode(schema), headers={"cache-control": "public, max-age=86400"}, media_type="application/schema+json"
        )

    @router.api_route("/asyncapi.json", methods=["GET", "HEAD"])
    async def asyncapi_json() -> Response:
        return Response(
            msgspec.json.encode(asyncapi(title, version, events)), headers={"cache-control": "no-cache"}, media_type="application/json"
        )

    return router
