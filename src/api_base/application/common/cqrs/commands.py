"""Commands change state, in one unit of work each."""

from typing import ClassVar

from api_base.application.common.cqrs.message import Message
from api_base.core.protocols import Isolation


class Command[T](Message[T]):
    """`isolation` declares its requirements on the transaction."""

    __slots__ = ()
    isolation: ClassVar[Isolation] = Isolation.OPTIMISTIC
