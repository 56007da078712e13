"""One transaction per command."""

from typing import Any

from api_base.application.common.cqrs import Command, Message
from api_base.application.common.cqrs.bus import Call
from api_base.application.common.transactions import Transactions
from api_base.core.protocols import Isolation


class UnitOfWorkMiddleware:
    """Begins and ends the unit of work of a command, in the isolation that it declares; queries and `Isolation.NONE` have none."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Command) or message_type.isolation is Isolation.NONE:
            return call_next
        isolation, run = message_type.isolation, self._transactions.run

        async def in_unit(message: Message[Any]) -> Any:
            return await run(isolation, lambda: call_next(message))

        return in_unit
