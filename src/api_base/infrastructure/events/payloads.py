"""Decode payloads of events: JSON to the class that a subscriber declares."""

from functools import partial
from typing import Final

from api_base.infrastructure.serialization.json_codec import decode_as

decode: Final = partial(decode_as, strict=False)
"""Decode JSON to an instance of a class; fields that it does not declare are ignored.

Raises `ValueError` for a payload that does not match the class.
"""
