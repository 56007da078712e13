"""The base of commands and queries."""

from collections.abc import Mapping, Sequence
from types import get_original_bases
from typing import Any, ClassVar, TypeVar, get_args, get_origin

from api_base.core.errors import ProgrammingError
from api_base.core.protocols import Limit

PUBLIC = "public"
"""Permission of a message that every caller may send."""

AUTHENTICATED = "authenticated"
"""Permission of a message that every authenticated user may send, in any tenant."""


class Message[T]:
    """A frozen, slotted, keyword-only dataclass that carries data; its handler returns `T`.

    `permission` has no default: a message that does not declare one is refused when the bus is built. `limits` are the rate limits of its callers.
    `public_of` names the field with the slug of a tenant whose public pages the message belongs to: the database then shows it public rows, and
    those of the visitor, and no other, and lets a command write those of the visitor only (docs/public-pages.md).
    """

    __slots__ = ()
    permission: ClassVar[str]
    limits: ClassVar[Sequence[Limit]] = ()
    public_of: ClassVar[str | None] = None


def answer_of(message_type: type[Message[Any]]) -> Any:
    """Return `T` of a direct or indirect subclass of `Command[T]` or `Query[T]`. Raises `ProgrammingError` if it does not declare one."""
    for cls in message_type.__mro__:
        for base in get_original_bases(cls):
            if isinstance(origin := get_origin(base), type) and issubclass(origin, Message):
                answer = _answer(origin, get_args(base))
                if not getattr(answer, "__parameters__", (answer,) if isinstance(answer, TypeVar) else ()):
                    return answer
    raise ProgrammingError(f"{message_type.__name__} does not declare its result type. Write Command[T], or Command[None] for no result.")


def _answer(message_type: type[Message[Any]], arguments: Sequence[Any]) -> Any:
    """Return `T` of a generic class of messages with these arguments: that of its own base, in which they take the place of its parameters."""
    parameters = message_type.__type_params__
    given = dict(zip(parameters, arguments, strict=True))
    for base in get_original_bases(message_type):
        if isinstance(origin := get_origin(base), type) and issubclass(origin, Message):
            return _answer(origin, [_with(one, given) for one in get_args(base)])
    return arguments[0]


def _with(hint: Any, given: Mapping[Any, Any]) -> Any:
    """Return a type with arguments in the place of its parameters."""
    if isinstance(hint, TypeVar):
        return given.get(hint, hint)
    open_ones = tuple(given.get(one, one) for one in getattr(hint, "__parameters__", ()))
    return hint[open_ones] if open_ones else hint
