"""Values as JSON. All codecs of the adapters are created here, once."""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec


def _plain(value: object) -> object:
    return list(value) if isinstance(value, Sequence) else str(value)


encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode
"""Encode to JSON. A sequence is an array; another type without a JSON form is written as text: asyncpg's subclass of `UUID`, for example."""

encode_strictly: Final = msgspec.json.Encoder().encode
"""Encode to JSON. Raises `TypeError` for a type without a JSON form."""


def _uuid_text(value: object) -> str:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


encode_exactly: Final = msgspec.json.Encoder(enc_hook=_uuid_text, order="deterministic").encode
"""The same, except that subclasses of `UUID` have a form, and that equal sets and dictionaries have the same."""

encode_lines: Final = msgspec.json.Encoder(enc_hook=_uuid_text).encode_lines
"""Encode to newline-delimited JSON, one line for each element. Subclasses of `UUID` have a form."""

decode: Final = msgspec.json.Decoder().decode
"""Decode to dicts, lists and plain values. Raises `ValueError` for text that is not JSON."""


def decode_as(payload: bytes, wanted: Any, *, strict: bool = True) -> Any:
    """Decode to a value of the type `wanted`.

    Raises `ValueError` if `payload` does not match the type. `strict=False` converts between numbers and text, because jsonb may have
    stored either.
    """
    return _decoder(wanted, strict).decode(payload)


def decoder_of(wanted: Any) -> Callable[[bytes], Any]:
    """Return what decodes to `wanted`, as `decode_as` does: for a type that is known at start and used often."""
    return _decoder(wanted, True).decode


def shape_of(wanted: Any) -> str:
    """Return a digest of a type: of its fields, their types, names and defaults, at any depth. Raises `TypeError` for a type without a JSON form."""
    described = repr(msgspec.inspect.type_info(wanted)) + repr(msgspec.json.schema(wanted))
    return hashlib.blake2b(re.sub(r" at 0x[0-9a-f]+", "", described).encode(), digest_size=6).hexdigest()


@lru_cache(maxsize=512)
def _decoder(wanted: Any, strict: bool) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(wanted, strict=strict)
