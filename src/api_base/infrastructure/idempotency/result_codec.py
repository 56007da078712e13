"""Results of commands as JSON and back, by the type that the command declares.

Of a refusal (`Err`) the nearest class in `core.errors` is kept, with its message and violations: that is what the edge shows.
"""

from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Final, get_args, get_origin
from uuid import UUID

import msgspec

from api_base.core import errors
from api_base.core.errors import ApiBaseError, ProgrammingError, Violation
from api_base.core.types import Err, Ok, Result

_REFUSALS: Final[Mapping[str, type[ApiBaseError]]] = {
    cls.__name__: cls
    for cls in (
        errors.Invalid,
        errors.RuleViolated,
        errors.NotFound,
        errors.StaleVersion,
        errors.Conflict,
        errors.Unauthenticated,
        errors.Forbidden,
    )
}


class _Refusal(msgspec.Struct):
    kind: str
    message: str
    violations: tuple[Violation, ...] = ()


class _Outcome[T](msgspec.Struct):
    """`Ok` and `Err`, told apart by the one member that they have."""

    value: T | msgspec.UnsetType = msgspec.UNSET
    error: _Refusal | msgspec.UnsetType = msgspec.UNSET


def encode(result: Any) -> bytes:
    """JSON of a result. Raises `ProgrammingError` for what cannot be made again of it."""
    try:
        return _encode(result)
    except (TypeError, ValueError) as error:
        raise ProgrammingError(f"An answer cannot be kept: {error}. Declare its route replayable=False.") from error


def decode(answer: bytes, declared: Any) -> Any:
    """The result of type `declared` that `answer` was made of. Raises `ProgrammingError` where it is none."""
    try:
        return _told(_decoder(declared).decode(answer))
    except (TypeError, ValueError) as error:
        raise ProgrammingError(f"A kept answer is no {declared}: {error}. Declare its route replayable=False.") from error


def _plain(value: Any) -> Any:
    """What msgspec does not know by itself: asyncpg's subclass of UUID, and refusals."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, ApiBaseError):
        kind = next((cls.__name__ for cls in type(value).__mro__ if _REFUSALS.get(cls.__name__) is cls), None)
        if kind is not None:
            return _Refusal(kind, str(value), value.violations if isinstance(value, errors.Invalid) else ())
    raise TypeError(f"{type(value).__name__} is no plain value")


_encode: Final = msgspec.json.Encoder(enc_hook=_plain).encode


@lru_cache(maxsize=512)
def _decoder(declared: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_decodable(declared))


def _decodable(declared: Any) -> Any:
    """msgspec takes no union of dataclasses: `Result` is read as a class of ours, wherever it stands in the type."""
    origin: Any = get_origin(declared)
    parts = tuple(_decodable(one) for one in get_args(declared))
    if origin is Result:
        outcome: Any = _Outcome  # of a type that is computed
        return outcome[parts[0]]
    if origin is UnionType:
        return reduce(or_, parts)
    return origin[parts] if hasattr(origin, "__class_getitem__") else declared


def _told(value: Any) -> Any:
    if isinstance(value, _Outcome):
        return Ok(_told(value.value)) if isinstance(value.error, msgspec.UnsetType) else Err(_error(value.error))
    return [_told(one) for one in value] if isinstance(value, list) else value


def _error(refusal: _Refusal) -> ApiBaseError:
    kind = _REFUSALS[refusal.kind]
    return errors.Invalid(refusal.violations) if kind is errors.Invalid else kind.__new__(kind, refusal.message)
