"""One authenticated connection of the hub."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from api_base.application.common.realtime.values import Member, Position, Receiver, Subscribed
from api_base.core.errors import Conflict, NotFound, TooManyRequests, Unauthenticated
from api_base.core.types import Principal, RequestContext

if TYPE_CHECKING:
    from api_base.application.common.realtime.feed import Feed
    from api_base.application.common.realtime.hub import Realtime


class RealtimeSession:
    """A WebSocket, an SSE stream, or the connection of GraphQL subscriptions. It ends with its token."""

    def __init__(
        self, hub: "Realtime", context: RequestContext, expires_at: float, receiver: Receiver, on_end: Callable[[str], None]
    ) -> None:
        self.context, self.receiver = context, receiver
        self.feeds: dict[str, Feed] = {}
        self.unchecked: set[str] = set()
        """The subscriptions to check again: the permissions of the caller changed."""
        self.checking = False
        """Whether a task checks them."""
        self._hub, self._on_end = hub, on_end
        self.expires_at = expires_at
        self._pending: set[str] = set()
        self.closed = False

    @property
    def principal(self) -> Principal:
        """The caller."""
        assert self.context.principal is not None  # `Realtime.open` refuses a context without one
        return self.context.principal

    async def subscribe(self, channel: str, after: Position | None = None, *, presence: bool = False) -> Subscribed:
        """Deliver the events of a channel, beginning with those after a position.

        Await it directly: the recovered events are delivered after the caller had its turn with the result. Raises `NotFound` for a channel
        that does not exist for the caller, `Forbidden`, `Invalid`, `Conflict` for a channel that it receives already, `TooManyRequests`, `Unavailable`, and `Unauthenticated` once the session ended.
        """
        if self.closed:
            raise Unauthenticated("The session has ended.")
        if channel in self.feeds or channel in self._pending:
            raise Conflict(f"The connection is already subscribed to {channel[:100]}. Unsubscribe first.")
        if len(self.feeds) + len(self._pending) >= self._hub.limits.channels:
            raise TooManyRequests(
                f"A connection may subscribe to {self._hub.limits.channels} channels. Unsubscribe from others first.", retry_after=1.0
            )
        self._pending.add(channel)
        try:
            return await self._hub.subscribe(self, channel, after, presence=presence)
        finally:
            self._pending.discard(channel)

    async def unsubscribe(self, channel: str) -> None:
        """End a subscription. Raises `NotFound` without one."""
        if channel not in self.feeds:
            raise NotFound("subscription", channel)
        self._hub.detach(self, channel)

    async def present(self, channel: str) -> Sequence[Member]:
        """Return who is present in a channel of this session. Raises `NotFound` for one without a subscription."""
        feed = self.feeds.get(channel)
        if feed is None:
            raise NotFound("subscription", channel)
        return await self._hub.members(feed.key)

    def renew(self, context: RequestContext, expires_at: float) -> None:
        """Continue with a fresh token of the same user, session and tenant, in seconds since 1970. Raises `Unauthenticated` for another one."""
        fresh, mine = context.principal, self.principal
        if self.closed:
            raise Unauthenticated("The session has ended.")
        if fresh is None or (fresh.user_id, fresh.session_id, fresh.tenant_id) != (mine.user_id, mine.session_id, mine.tenant_id):
            raise Unauthenticated("The token is of another user, session or tenant. Open a new connection for it.")
        if fresh != mine:
            self.unchecked.update(self.feeds)
        self.context, self.expires_at = context, expires_at

    def end(self, reason: str) -> None:
        """Close the session and report the reason to its connection."""
        if not self.closed:
            self.close()
            self._on_end(reason)

    def close(self) -> None:
        """Deliver nothing more. Closing twice does nothing."""
        if not self.closed:
            self.closed = True
            for channel in tuple(self.feeds):
                self._hub.detach(self, channel)
            self._hub.forget(self)
