"""What commands and queries have in common."""

from types import get_original_bases
from typing import Any, ClassVar, TypeVar, get_args, get_origin

from api_base.core.errors import ProgrammingError

PUBLIC = "public"
"""Permission of a message that anybody may send."""

AUTHENTICATED = "authenticated"
"""Permission of a message that any signed-in user may send, in whatever tenant."""


class Message[T]:
    """A frozen, slotted, keyword-only dataclass that carries data and answers `T`.

    `permission` has no default: a message that does not declare one is refused when the bus is built.
    """

    __slots__ = ()
    permission: ClassVar[str]


def answer_of(message_type: type[Message[Any]]) -> Any:
    """`T` of the `Command[T]` or `Query[T]` that a class is. Raises `ProgrammingError` for one that does not say."""
    for cls in message_type.__mro__:
        for base in get_original_bases(cls):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Message) and not isinstance(answer := get_args(base)[0], TypeVar):
                return answer
    raise ProgrammingError(f"{message_type.__name__} does not say what it answers; write Command[None] where that is nothing.")
