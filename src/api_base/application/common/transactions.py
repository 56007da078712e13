"""One transaction around a call: what it does, what the subscribers to its events do, then the commit."""

from collections.abc import Awaitable, Callable

from api_base.core.base import DomainEvent
from api_base.core.protocols import Isolation, UnitOfWork, UnitOfWorkFactory
from api_base.domain.common.events import Subscribers


class Transactions:
    """`committed` is called after a commit that stored events, so that whoever waits for them looks at once."""

    def __init__(self, begin: UnitOfWorkFactory, subscribers: Subscribers, committed: Callable[[], None]) -> None:
        self._begin, self._subscribers, self._committed = begin, subscribers, committed

    async def run[T](self, isolation: Isolation, call: Callable[[], Awaitable[T]]) -> T:
        """What `call` returns, once it is committed. Raises what `call`, a subscriber or the commit raises: nothing is kept then."""
        async with self._begin(isolation) as unit:
            result = await call()
            any_events = await self._deliver(unit)
        if any_events:
            self._committed()
        return result

    async def _deliver(self, unit: UnitOfWork) -> bool:
        """Deliver until subscribers cause no further events; whether there were any."""
        delivered = False
        while events := unit.collect_events():
            for event in events:
                await self._to_subscribers(event)
            delivered = True
        return delivered

    async def _to_subscribers(self, event: DomainEvent) -> None:
        for subscription in self._subscribers.of(event.name):
            await subscription.deliver(event)
