"""Every event is declared by its context, and what is said of it to others is true of what they get."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin
from uuid import uuid4

import msgspec
import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft7Validator, Draft202012Validator

from api_base.application.common.events.cloud_event import MEDIA_TYPE, encoded
from api_base.bootstrap.contexts import BUILT_IN
from api_base.bootstrap.wiring_check.events import named_events
from api_base.core.base import DomainEvent
from api_base.interface.events_router import CLOUD_EVENT, ENVELOPE, asyncapi, data_schema
from tests.architecture.formats import validator
from tests.architecture.modules import MODULES
from tests.factories.events import stored_event
from tools import documents
from tools.documents import ROOT

DECLARED = [(context.name, event) for context in BUILT_IN for event in named_events(context)]
DOCUMENT = asyncapi("Test", "1.0.0", documents.EVENTS)


def events() -> set[type[DomainEvent]]:
    """All that there are in the package; one without a name is the base of others. Not by `__subclasses__`: a dataclass with slots leaves a twin behind."""
    classes = {value for module in MODULES for value in vars(module).values() if isinstance(value, type)}
    return {one for one in classes if issubclass(one, DomainEvent) and hasattr(one, "name")}


def test_every_event_is_declared_by_a_context() -> None:
    undeclared = sorted(event.__name__ for event in events() - {event for _, event in DECLARED})
    assert undeclared == [], f"name {', '.join(undeclared)} among the events of the Context: others learn of them by that"


def test_an_event_has_a_name_of_its_own_within_its_context() -> None:
    names = [event.name for _, event in DECLARED]
    assert len(set(names)) == len(names)
    pattern = CLOUD_EVENT["properties"]["type"]["pattern"]
    for context, event in DECLARED:
        assert event.name.startswith(f"{context}."), event
        assert Draft202012Validator({"pattern": pattern}).is_valid(event.name), event


def example(event: type[DomainEvent]) -> DomainEvent:
    """An event of this class, made from words that its schema says."""
    values = {"uuid": str(uuid4()), "date-time": "2026-05-06T07:08:09Z"}
    kinds: dict[str, Any] = {"string": "text", "integer": 1, "boolean": True, "number": 1.5}

    def of(schema: dict[str, Any]) -> Any:
        one = schema.get("anyOf", [schema])[0]
        if one["type"] == "object":
            return {name: of(field) for name, field in one["properties"].items()}
        return [of(one["items"])] if one["type"] == "array" else values.get(one.get("format")) or kinds[one["type"]]

    return msgspec.convert(of(data_schema(event)), event)


@pytest.mark.parametrize("event", documents.EVENTS, ids=lambda event: event.name)
def test_what_is_sent_is_as_its_schemas_say(event: type[DomainEvent]) -> None:
    payload = msgspec.json.encode(example(event), enc_hook=str)
    sent = json.loads(encoded(stored_event(name=event.name, payload=payload), "https://example.com/shop"))
    validator(CLOUD_EVENT).validate(sent)
    read = JSONFormat().read(None, json.dumps(sent))  # by the SDK of CloudEvents
    assert (read.get_specversion(), read.get_type(), read.get_id(), read.get_data()) == ("1.0", event.name, sent["id"], sent["data"])
    validator(data_schema(event)).validate(sent["data"])
    assert urljoin(sent["dataschema"], data_schema(event)["$id"]) == sent["dataschema"]
    message = DOCUMENT["components"]["messages"][event.name]["payload"]["schema"]
    validator({**message, "components": DOCUMENT["components"]}).validate(sent)
    missing = {name: value for name, value in sent.items() if name != "subject"}
    assert not validator(CLOUD_EVENT).is_valid(missing)
    assert not validator(data_schema(event)).is_valid({**sent["data"], "aggregate_id": 7})


def references(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        if isinstance(document.get("$ref"), str):
            yield document["$ref"]
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from references(part)


def test_the_asyncapi_document_is_valid() -> None:
    """By the schema that AsyncAPI publishes with its parser (npm: @asyncapi/specs 6.11.1; Apache 2.0)."""
    schema = json.loads((ROOT / "tests/architecture/asyncapi-3.0.0.schema.json").read_text(encoding="utf-8"))
    asyncapi_validator = Draft7Validator(schema, format_checker=Draft7Validator.FORMAT_CHECKER)
    asyncapi_validator.validate(DOCUMENT)
    assert not asyncapi_validator.is_valid({**DOCUMENT, "channels": {"one": {"address": 7}}})


def test_the_asyncapi_document_is_whole() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["defaultContentType"] == MEDIA_TYPE
    assert DOCUMENT["channels"].keys() == {event.name for event in documents.EVENTS}
    assert len(DOCUMENT["operations"]) == len(DOCUMENT["channels"])
    found = set(references(DOCUMENT))
    assert any(reference.endswith(f"/{ENVELOPE}/schema") for reference in found)
    for reference in found:
        place: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_readers_of_the_kept_schemas_can_read_what_is_told_now() -> None:
    documents.check_events(documents.stored())
