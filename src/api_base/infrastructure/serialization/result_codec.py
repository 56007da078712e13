"""Results of commands as JSON and back, by the type that the command declares."""

from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Final, get_args, get_origin
from uuid import UUID

import msgspec

from api_base.core.errors import ApiBaseError, ProgrammingError
from api_base.core.types import Err, Ok, Result
from api_base.infrastructure.serialization.error_codec import ErrorDocument, from_document, to_document


class _Outcome[T](msgspec.Struct):
    """The JSON form of `Ok` or `Err`: exactly one member is set."""

    value: T | msgspec.UnsetType = msgspec.UNSET
    error: ErrorDocument | msgspec.UnsetType = msgspec.UNSET


def encode_result(result: Any) -> bytes:
    """Encode a result to JSON. Raises `ProgrammingError` for a value that could not be decoded again."""
    try:
        return _encode(result)
    except (TypeError, ValueError) as error:
        raise ProgrammingError(f"The result cannot be stored: {error}. Declare its route replayable=False.") from error


def decode_result(stored: bytes, declared: Any) -> Any:
    """Decode a result of type `declared`. Raises `ProgrammingError` if `stored` does not match the type."""
    try:
        return _restored(_decoder(declared).decode(stored))
    except (TypeError, ValueError) as error:
        raise ProgrammingError(f"The stored result is not a {declared}: {error}. Declare its route replayable=False.") from error


def _plain(value: Any) -> Any:
    """Encode types that msgspec does not know: asyncpg's subclass of UUID, and errors."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, ApiBaseError) and (document := to_document(value, final=True)) is not None:
        return document
    raise TypeError(f"{type(value).__name__} has no JSON form")


_encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode


@lru_cache(maxsize=512)
def _decoder(declared: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_decodable(declared))


def _decodable(declared: Any) -> Any:
    """msgspec does not decode a union of dataclasses: an `_Outcome` replaces `Result` wherever it occurs in the type."""
    origin: Any = get_origin(declared)
    parts = tuple(_decodable(one) for one in get_args(declared))
    if origin is Result:
        outcome: Any = _Outcome  # its argument is known at run time only
        return outcome[parts[0]]
    if origin is UnionType:
        return reduce(or_, parts)
    return origin[parts] if hasattr(origin, "__class_getitem__") else declared


def _restored(value: Any) -> Any:
    if isinstance(value, _Outcome):
        return Ok(_restored(value.value)) if isinstance(value.error, msgspec.UnsetType) else Err(from_document(value.error))
    return [_restored(one) for one in value] if isinstance(value, list) else value
