"""Convert rows of the outbox to events, and payloads of events to the class that a subscriber declares."""

from dataclasses import fields
from functools import partial
from typing import Final

import asyncpg

from api_base.core.protocols import StoredEvent
from api_base.infrastructure.serialization.json_codec import decode_as

_FIELDS: Final = tuple(field.name for field in fields(StoredEvent))

COLUMNS: Final = ", ".join(f"o.{name}" for name in _FIELDS)
"""The columns of `outbox o` that `StoredEvent` needs."""


def stored_event(row: asyncpg.Record) -> StoredEvent:
    return StoredEvent(**{name: row[name] for name in _FIELDS} | {"payload": row["payload"].encode()})


decode: Final = partial(decode_as, strict=False)
"""Decode JSON to an instance of a class; fields that it does not declare are ignored.

Raises `ValueError` for a payload that does not match the class.
"""
