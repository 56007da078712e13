"""Commands change state, in one unit of work each."""

from typing import ClassVar

from api_base.application.common.cqrs.message import Message
from api_base.core.protocols import Isolation


class Command[T](Message[T]):
    """Changes state, in one unit of work, and returns `T`. `isolation` declares its requirements on the transaction.

    `destructive` says whether it may overwrite or remove something, `idempotent` whether repeating it changes nothing more.
    """

    __slots__ = ()
    destructive: ClassVar[bool] = True
    idempotent: ClassVar[bool] = False
    isolation: ClassVar[Isolation] = Isolation.OPTIMISTIC
