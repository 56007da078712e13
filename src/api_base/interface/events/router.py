"""Serve the schema that an event's `dataschema` names, the schema of the envelope, and the AsyncAPI document."""

from collections.abc import Sequence

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from api_base.core.base import DomainEvent
from api_base.interface.errors.http import RouteNotFound
from api_base.interface.events.asyncapi import document
from api_base.interface.events.schemas import CLOUD_EVENT, ENVELOPE, data_schema


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
            msgspec.json.encode(document(title, version, events)), headers={"cache-control": "no-cache"}, media_type="application/json"
        )

    return router
