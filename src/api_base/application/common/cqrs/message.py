"""What commands and queries have in common."""

from typing import ClassVar

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
