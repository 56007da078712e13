"""Stored events that are valid by default; a test states only what it is about."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from api_base.core.protocols import StoredEvent

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
_numbers = count(1)


def stored_event(**changes: Any) -> StoredEvent:
    values: dict[str, Any] = {
        "sequence": next(_numbers),
        "id": uuid4(),
        "at": NOW,
        "name": "items.created.v1",
        "tenant_id": uuid4(),
        "aggregate_id": uuid4(),
        "aggregate_version": 1,
        "actor_id": uuid4(),
        "request_id": "a-request",
        "traceparent": "",
        "payload": b'{"sku":"SKU-1"}',
    }
    return StoredEvent(**(values | changes))
