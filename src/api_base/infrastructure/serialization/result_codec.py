"""Results of commands as JSON and back, by the type that the command declares; and errors, in stored results and between services.

An error is the nearest class in `core.errors`, the message, and the attributes: a context's `SkuTaken` arrives as a `Conflict` with its
message, which the HTTP layer renders like an error of the calling service.
"""

from collections.abc import Mapping
from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Any, Final, NamedTuple, get_args, get_origin
from uuid import UUID

import msgspec

from api_base.application.common.listing import Cursors
from api_base.application.common.remote import NotServed
from api_base.core import errors
from api_base.core.errors import ApiBaseError, Invalid, ProgrammingError, Unavailable, Violation
from api_base.core.types import Err, Ok, Result


class _Kind(NamedTuple):
    """`attributes` are written with the error. `final`: the same request gets the same error again, so a stored result may hold it."""

    attributes: tuple[str, ...] = ()
    final: bool = False


_KINDS: Final[Mapping[type[ApiBaseError], _Kind]] = {
    errors.Invalid: _Kind(("violations",), final=True),
    errors.RuleViolated: _Kind(final=True),
    errors.TooLarge: _Kind(final=True),
    errors.IdempotencyKeyReused: _Kind(),
    errors.NotFound: _Kind(("what", "identity", "by"), final=True),
    errors.Conflict: _Kind(final=True),
    errors.Taken: _Kind(("name", "value", "other", "among"), final=True),
    errors.StaleVersion: _Kind(("expected",), final=True),
    errors.RequestInProgress: _Kind(("retry_after",)),
    errors.Unauthenticated: _Kind(final=True),
    errors.Forbidden: _Kind(final=True),
    errors.FeatureDisabled: _Kind(final=True),
    errors.ReducedCapacity: _Kind(("retry_after", "violated")),
    errors.TooManyRequests: _Kind(("retry_after", "violated")),
    errors.Unavailable: _Kind(("retry_after",)),
    errors.Transient: _Kind(),
    NotServed: _Kind(),
}
_BY_NAME: Final = {kind.__name__: kind for kind in _KINDS}


class ErrorDocument(msgspec.Struct, omit_defaults=True):
    kind: str
    message: str
    violations: tuple[Violation, ...] = ()
    what: str = ""
    identity: str = ""
    by: str = ""
    name: str = ""
    value: str = ""
    other: str = ""
    among: str = ""
    expected: int = 0
    retry_after: float = 1.0
    violated: tuple[str, ...] = ()


def to_document(error: ApiBaseError, *, final: bool = False) -> ErrorDocument | None:
    """Encode `error`; None for an error that is internal to this service and, with `final`, for an error that a retry may overcome."""
    for base in type(error).__mro__:
        kind = _KINDS.get(base)
        if kind is not None and (kind.final or not final):
            return ErrorDocument(base.__name__, error.public_message, **{name: getattr(error, name) for name in kind.attributes})
    return None


def from_document(document: ErrorDocument) -> ApiBaseError:
    """Return the decoded error; `Unavailable` for a kind that this version does not know."""
    kind = _BY_NAME.get(document.kind)
    if kind is None:
        return Unavailable(document.message)
    if kind is Invalid:
        return Invalid(document.violations)
    error: Any = kind.__new__(kind, document.message)  # its __init__ would compose the message again
    for name in _KINDS[kind].attributes:
        setattr(error, name, getattr(document, name))
    known: ApiBaseError = error
    return known


def encode_error(error: ApiBaseError) -> bytes | None:
    """Return the JSON of an error; None for an error that is internal to this service."""
    document = to_document(error)
    return None if document is None else msgspec.json.encode(document)


def encode_internal_error(request_id: str) -> bytes:
    """Return the JSON of an error whose cause callers must not see."""
    message = f"The service failed. It has recorded the error under the request id {request_id}."
    return msgspec.json.encode(ErrorDocument(Unavailable.__name__, message))


def decode_error(body: bytes) -> ApiBaseError:
    """Return the decoded error; `Unavailable` for an unreadable or unknown error."""
    try:
        return from_document(msgspec.json.decode(body, type=ErrorDocument))
    except ValueError:
        return Unavailable("The service answered with an error that cannot be read.")


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
    """Encode types that msgspec does not know: asyncpg's subclass of UUID, cursors that are encoded when they are read, and errors."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Cursors):
        return list(value)
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
