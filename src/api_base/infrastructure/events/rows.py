"""Convert rows of the outbox to events, and payloads of events to the class that a subscriber declares."""

from dataclasses import fields
from functools import partial
from typing import Final

from api_base.core.protocols import StoredEvent
from api_base.infrastructure.db.rows import restored
from api_base.infrastructure.serialization.json_codec import decode_as

COLUMNS: Final = ", ".join(f"o.{field.name}" for field in fields(StoredEvent))
"""The columns of `outbox o` that `StoredEvent` needs."""


stored_event: Final = restored(StoredEvent, payload=str.encode)

decode: Final = partial(decode_as, strict=False)
"""Decode JSON to an instance of a class; fields that it does not declare are ignored.

Raises `ValueError` for a payload that does not match the class.
"""
