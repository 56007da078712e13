"""One transaction per command or delivery: its changes, the changes of subscribers to its events, then the commit.

The origin of the request decides what else belongs to the transaction: the stored result of a keyed request, the outcome of a job,
the inbox row of a delivery.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from api_base.application.common.cqrs import Command, Message
from api_base.application.common.cqrs.bus import Call
from api_base.application.common.middleware.idempotency import IdempotencyMiddleware, KeyedCall
from api_base.core.protocols import Isolation, JobCompletion, UnitOfWorkFactory
from api_base.core.types import NO_REQUEST, KeyedExecution, Origin, RunningJob, Settled, current_context
from api_base.domain.common.events import Subscribers


class Transactions:
    """`committed` is called after each commit that stored events, so that the relay polls immediately."""

    def __init__(self, begin: UnitOfWorkFactory, subscribers: Subscribers, committed: Callable[[], None]) -> None:
        self._begin, self._subscriptions, self._committed = begin, subscribers.in_transaction, committed

    async def run[T](self, isolation: Isolation, call: Callable[[], Awaitable[T]], origin: Origin | None = None) -> T:
        """Return the result of `call` after the commit. Raises the error of `call`, a subscriber or the commit: then nothing is committed.
        Subscribers may cause further events, which are delivered as well.
        """
        delivered = False
        async with self._begin(isolation, origin) as unit:
            result = await call()
            while events := unit.collect_events():
                delivered = True
                for event in events:
                    for version in event.versions():
                        for subscription in self._subscriptions.get(version.name, ()):
                            await subscription.deliver(version)
        if delivered:
            self._committed()
        return result


class UnitOfWorkMiddleware:
    """Runs each command in a transaction of the isolation that it declares. Queries and `Isolation.NONE` have none."""

    def __init__(self, transactions: Transactions, idempotency: IdempotencyMiddleware, completion: JobCompletion) -> None:
        self._transactions, self._idempotency, self._completion = transactions, idempotency, completion

    def __call__(self, message_type: type[Message[Any]], call_next: Call) -> Call:
        if not issubclass(message_type, Command):
            return call_next
        keyed = self._idempotency(message_type, call_next)
        if message_type.isolation is Isolation.NONE:
            return _orchestrated(call_next, keyed)
        isolation, run, settle = message_type.isolation, self._transactions.run, self._completion.settle

        async def job(message: Message[Any], origin: RunningJob) -> Any:
            """The database holds both the effect and the outcome of a job, or neither. `Settled`: the unit writes the outcome."""
            result = await call_next(message)
            return Settled() if settle(origin, result) else result

        async def in_unit(message: Message[Any]) -> Any:
            origin = current_context.get(NO_REQUEST).origin
            if isinstance(origin, KeyedExecution):
                return await run(isolation, partial(keyed, message, origin), origin)
            if isinstance(origin, RunningJob) and origin.command is message:
                return await run(isolation, partial(job, message, origin), origin)
            return await run(isolation, partial(call_next, message), origin)

        return in_unit


def _orchestrated(call_next: Call, keyed: KeyedCall) -> Call:
    """Without a unit of work: the worker writes the outcome of such a job afterwards, so it may run twice."""

    async def orchestrated(message: Message[Any]) -> Any:
        origin = current_context.get(NO_REQUEST).origin
        return await (keyed(message, origin) if isinstance(origin, KeyedExecution) else call_next(message))

    return orchestrated
