"""Values as JSON. Every codec of the adapters is here, made once."""

from functools import lru_cache
from typing import Any, Final

import msgspec

encode: Final = msgspec.json.Encoder(enc_hook=str).encode
"""Bytes of JSON. A type that JSON has no form for is written as text: asyncpg's subclass of `UUID`, for example."""

encode_strictly: Final = msgspec.json.Encoder().encode
"""Bytes of JSON. Raises `TypeError` for a type that JSON has no form for."""

encode_lines: Final = msgspec.json.Encoder().encode_lines
"""Bytes of newline-delimited JSON, a line for each element."""

decode: Final = msgspec.json.Decoder().decode
"""Dicts, lists and plain values. Raises `ValueError` for text that is not JSON."""


def decode_as(payload: bytes, wanted: Any, *, strict: bool = True) -> Any:
    """A value of the type `wanted`. Raises `ValueError` where `payload` does not describe one.

    `strict=False` converts between numbers and text, as jsonb may have stored either.
    """
    return _decoder(wanted, strict).decode(payload)


@lru_cache(maxsize=512)
def _decoder(wanted: Any, strict: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted, strict=strict)
