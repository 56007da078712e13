"""The base of commands and queries."""

from collections.abc import Sequence
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
    """

    __slots__ = ()
    permission: ClassVar[str]
    limits: ClassVar[Sequence[Limit]] = ()


def answer_of(message_type: type[Message[Any]]) -> Any:
    """Return `T` of a direct or indirect subclass of `Command[T]` or `Query[T]`. Raises `ProgrammingError` if it does not declare one."""
    for cls in reversed(message_type.__mro__):
        for base in get_original_bases(cls):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Message) and not isinstance(answer := get_args(base)[0], TypeVar):
                return answer
    raise ProgrammingError(f"{message_type.__name__} does not declare its result type. Write Command[T], or Command[None] for no result.")
