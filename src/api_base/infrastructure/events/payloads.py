"""Payloads of events: JSON into the class that a subscriber declares."""

from typing import Any

import msgspec


def decode(payload: bytes, wanted: type[Any]) -> Any:
    """Return a `wanted`; fields that it does not declare are ignored. Raises `ValueError` for a payload that does not fit."""
    return msgspec.json.decode(payload, type=wanted, strict=False)
