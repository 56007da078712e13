"""Errors as JSON, in stored results and between services: the nearest class in `core.errors`, the message, and the attributes.

A context's `SkuTaken` arrives as a `Conflict` with its message, which the HTTP layer renders like an error of the calling service.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from api_base.application.common.remote import NotServed
from api_base.core import errors
from api_base.core.errors import ApiBaseError, Invalid, Unavailable, Violation


class _Kind(NamedTuple):
    """`attributes` are written with the error. `final`: the same request gets the same error again, so a stored result may hold it."""

    attributes: tuple[str, ...] = ()
    final: bool = False


_KINDS: Final[Mapping[type[ApiBaseError], _Kind]] = {
    errors.Invalid: _Kind(("violations",), final=True),
    errors.RuleViolated: _Kind(final=True),
    errors.IdempotencyKeyReused: _Kind(),
    errors.NotFound: _Kind(("what",), final=True),
    errors.Conflict: _Kind(final=True),
    errors.StaleVersion: _Kind(("expected",), final=True),
    errors.RequestInProgress: _Kind(("retry_after",)),
    errors.Unauthenticated: _Kind(final=True),
    errors.Forbidden: _Kind(final=True),
    errors.TooManyRequests: _Kind(("retry_after",)),
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
    expected: int = 0
    retry_after: float = 1.0


def to_document(error: ApiBaseError, *, final: bool = False) -> ErrorDocument | None:
    """Encode `error`; None for an error that is internal to this service and, with `final`, for an error that a retry may overcome."""
    for base in type(error).__mro__:
        kind = _KINDS.get(base)
        if kind is not None and (kind.final or not final):
            return ErrorDocument(base.__name__, str(error), **{name: getattr(error, name) for name in kind.attributes})
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
