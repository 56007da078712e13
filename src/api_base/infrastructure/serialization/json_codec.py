"""Values as JSON. All codecs of the adapters are created here, once."""

from functools import lru_cache
from typing import Any, Final

import msgspec

encode: Final = msgspec.json.Encoder(enc_hook=str).encode
"""Encode to JSON. A type without a JSON form is written as text: asyncpg's subclass of `UUID`, for example."""

encode_strictly: Final = msgspec.json.Encoder().encode
"""Encode to JSON. Raises `TypeError` for a type without a JSON form."""

encode_lines: Final = msgspec.json.Encoder().encode_lines
"""Encode to newline-delimited JSON, one line for each element."""

decode: Final = msgspec.json.Decoder().decode
"""Decode to dicts, lists and plain values. Raises `ValueError` for text that is not JSON."""


def decode_as(payload: bytes, wanted: Any, *, strict: bool = True) -> Any:
    """Decode to a value of the type `wanted`.

    Raises `ValueError` if `payload` does not match the type. `strict=False` converts between numbers and text, because jsonb may have
    stored either.
    """
    return _decoder(wanted, strict).decode(payload)


@lru_cache(maxsize=512)
def _decoder(wanted: Any, strict: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted, strict=strict)
