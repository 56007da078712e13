"""Errors between services: the nearest class in `core.errors` and what it carries, as JSON; of anything else nothing but that it was.

So a context's `SkuTaken` arrives as the `Conflict` that it is, with its message, and the edge of the caller shows it as it would its own.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from api_base.application.common.remote import NotServed
from api_base.core import errors
from api_base.core.errors import ApiBaseError, Invalid, Unavailable, Violation

_CARRIED: Final[Mapping[type[ApiBaseError], tuple[str, ...]]] = {
    errors.Invalid: ("violations",),
    errors.RuleViolated: (),
    errors.IdempotencyKeyReused: (),
    errors.NotFound: ("what",),
    errors.Conflict: (),
    errors.StaleVersion: ("expected",),
    errors.RequestInProgress: ("retry_after",),
    errors.Unauthenticated: (),
    errors.Forbidden: (),
    errors.TooManyRequests: ("retry_after",),
    errors.Unavailable: ("retry_after",),
    errors.Transient: (),
    NotServed: (),
}
"""The errors that travel, and the attributes that go with each."""

_BY_NAME: Final = {kind.__name__: kind for kind in _CARRIED}


class _Told(msgspec.Struct, omit_defaults=True):
    kind: str
    message: str
    violations: tuple[Violation, ...] = ()
    what: str = ""
    expected: int = 0
    retry_after: float = 1.0


def encode(error: ApiBaseError) -> bytes | None:
    """JSON of an error that may be told to others; None for one that is an accident to them."""
    for kind in type(error).__mro__:
        carried = _CARRIED.get(kind)
        if carried is not None:
            return msgspec.json.encode(_Told(kind.__name__, str(error), **{name: getattr(error, name) for name in carried}))
    return None


def accident(request_id: str) -> bytes:
    """JSON of what is said of an error that nobody raised on purpose."""
    told = f"The service failed. What happened was recorded there under the request id {request_id}."
    return msgspec.json.encode(_Told(Unavailable.__name__, told))


def decode(body: bytes) -> ApiBaseError:
    """The error that was told; one of a kind that is not known here is `Unavailable`, as is what cannot be read."""
    try:
        told = msgspec.json.decode(body, type=_Told)
    except ValueError:
        return Unavailable("The service answered with an error that cannot be read.")
    kind = _BY_NAME.get(told.kind)
    if kind is None:
        return Unavailable(told.message)
    if kind is Invalid:
        return Invalid(told.violations)
    error: Any = kind.__new__(kind, told.message)  # its own __init__ makes the message, which is there
    for name in _CARRIED[kind]:
        setattr(error, name, getattr(told, name))
    known: ApiBaseError = error
    return known
