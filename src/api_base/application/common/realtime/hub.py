"""The hub of one process: its sessions, and one feed for each channel that they receive.

A signal says that a channel may have new events; what they are is read from the journal. A forged signal causes one read. Lost signals are
found by polling, and each feed is read when the fan-out reconnects.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final

from api_base.application.common.cqrs import Message
from api_base.application.common.realtime.channels import Channels
from api_base.application.common.realtime.checks import SubscriptionChecks
from api_base.application.common.realtime.crowd import PRESENCE, Crowds
from api_base.application.common.realtime.feed import Feed, allowed
from api_base.application.common.realtime.journal import ChannelJournal, ChannelKey, JournaledEvent, Presence
from api_base.application.common.realtime.limits import RealtimeFigures, RealtimeLimits
from api_base.application.common.realtime.session import RealtimeSession
from api_base.application.common.realtime.values import Member, Position, Receiver, Subscribed
from api_base.core.errors import ApiBaseError, TooManyRequests, Unauthenticated, Unavailable
from api_base.core.protocols import AccessLookup, TokenClaims
from api_base.core.shared.logging import get_logger
from api_base.core.types import NO_REQUEST, RequestContext, current_context

logger = get_logger(__name__)

CHECK_INTERVAL: Final = 0.4
"""Seconds between two checks of every session: its token, and its principal by the process' snapshot."""
POLL_INTERVAL: Final = 5.0
"""Seconds after which every feed is read without a signal."""
CROWD_INTERVAL: Final = 2.0
CONCURRENT_READS: Final = 4
CONCURRENT_CHECKS: Final = 8


class Realtime:
    """`execute` runs a message as the current caller, `gauge` sets a metric by its name, `delivered` counts an event by the seconds since it happened. Between `start` and `stop` the hub checks sessions and reads feeds by itself."""

    def __init__(
        self,
        channels: Channels,
        journal: ChannelJournal,
        presence: Presence,
        execute: Callable[[Message[object]], Awaitable[object]],
        access: AccessLookup,
        limits: RealtimeLimits,
        gauge: Callable[[str, float], None],
        delivered: Callable[[float], None],
    ) -> None:
        self.limits, self.figures, self._gauge, self._delivered = limits, RealtimeFigures(), gauge, delivered
        self._channels, self._journal, self._presence = channels, journal, presence
        self._execute, self._access = execute, access
        self._sessions: dict[RealtimeSession, None] = {}
        self._of_user: Counter[object] = Counter()
        self._of_address: Counter[object] = Counter()
        self._feeds: dict[ChannelKey, Feed] = {}
        self._crowds = Crowds(presence, self._spawn)
        self._reading, self._checking = asyncio.Semaphore(CONCURRENT_READS), asyncio.Semaphore(CONCURRENT_CHECKS)
        self._subscription_checks = SubscriptionChecks(self._authorized, self.detach)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    @property
    def sessions(self) -> int:
        """The number of open sessions."""
        return len(self._sessions)

    @property
    def subscriptions(self) -> int:
        """The number of subscriptions of all sessions."""
        return sum(len(feed.receivers) for feed in self._feeds.values())

    def start(self) -> None:
        """Begin to check sessions and to read feeds that got no signal."""
        self._stopped = False
        for name, interval, work in (
            ("check sessions", CHECK_INTERVAL, self.check),
            ("poll channels", POLL_INTERVAL, self._poll),
            ("renew presence", CROWD_INTERVAL, self._crowds.renew),
            ("refresh presence", CROWD_INTERVAL, self._crowds.refresh),
        ):
            self._spawn(_every(interval, work), name)

    async def stop(self) -> None:
        """End every session, then all work of the hub."""
        self.drain()
        for task in tuple(self._tasks):
            if task.get_name() != PRESENCE:  # members who leave are removed before the end
                task.cancel()
        for feed in tuple(self._feeds.values()):
            feed.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._crowds.close()

    def drain(self) -> None:
        """End every session with the reason `draining`, and refuse new ones."""
        self._stopped = True
        for session in tuple(self._sessions):
            session.end("draining")

    def open(self, context: RequestContext, expires_at: float, receiver: Receiver, on_end: Callable[[str], None]) -> RealtimeSession:
        """Open the session of an authenticated connection, whose token expires at `expires_at`, in seconds since 1970.

        `on_end` is called within a second after the token expired without a successor (`expired`), after the session, the membership or the
        user ended (`revoked`), and at shutdown (`draining`). Raises `Unauthenticated`, `TooManyRequests`, and `Unavailable` at shutdown.
        """
        principal = context.principal
        if principal is None:
            raise Unauthenticated("The connection requires authentication. Send an access token.")
        if self._stopped:
            raise Unavailable("The server is shutting down. Connect again.")
        for held, limit, what in (
            (len(self._sessions), self.limits.sessions, "The server"),
            (self._of_user[principal.user_id], self.limits.sessions_per_user, "A user"),
            (self._of_address[context.address], self.limits.sessions_per_address, "An address"),
        ):
            if held >= limit:
                self.figures.refused += 1
                raise TooManyRequests(f"{what} may have {limit} open connections for events. Close one first.", retry_after=5.0)
        session = RealtimeSession(self, context, expires_at, receiver, on_end)
        self._sessions[session] = None
        self._of_user[principal.user_id] += 1
        self._of_address[context.address] += 1
        return session

    def forget(self, session: RealtimeSession) -> None:
        """Remove a closed session."""
        if session in self._sessions:
            del self._sessions[session]
            for counter, key in ((self._of_user, session.principal.user_id), (self._of_address, session.context.address)):
                counter[key] -= 1
                if not counter[key]:
                    del counter[key]

    def signal(self, key: ChannelKey) -> None:
        """A channel may have new events."""
        feed = self._feeds.get(key)
        if feed is not None:
            feed.signal()

    def signal_presence(self, key: ChannelKey) -> None:
        """The members of a channel may have changed."""
        self._crowds.signal(key)

    def signal_all(self) -> None:
        """Signals may have been lost: read every feed."""
        for feed in self._feeds.values():
            feed.signal()

    async def subscribe(self, session: RealtimeSession, channel: str, after: Position | None, *, presence: bool) -> Subscribed:
        """Attach a session to a channel: `RealtimeSession.subscribe`. Raises `Unauthenticated` if the session has ended meanwhile."""
        held = session.principal
        key = await self._authorized(session, channel)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(key, self._journal, self._reading, self._reset, self._delivered)
        feed.joining += 1
        try:
            await feed.open()
            if presence:
                await self._crowds.enter(session, key)
            found = None if after is None else await feed.recover(after, self.limits.recovered)
            position = feed.position  # without a turn of the event loop since `recover`: an event in between would be missing
            assert position is not None  # `open` has set it
            if session.closed:
                raise Unauthenticated("The session has ended.")
            if session.principal != held:
                session.unchecked.add(channel)
            return self._attach(session, feed, position, after, found)
        except BaseException:
            self._crowds.leave(session, key)
            raise
        finally:
            feed.joining -= 1
            self._drop_unused(feed)

    def _attach(
        self, session: RealtimeSession, feed: Feed, position: Position, after: Position | None, found: Sequence[JournaledEvent] | None
    ) -> Subscribed:
        session.feeds[feed.key.name] = feed
        feed.receivers[session] = None
        if after is None:
            return Subscribed(position, None)
        if found is None:
            self._reset(1)
            feed.hold(session, lambda: session.receiver.reset(feed.key.name, position))
            return Subscribed(position, False)
        self.figures.recovered += 1
        visible = allowed(found, session)
        if visible:
            feed.hold(session, lambda: session.receiver.deliver(visible))
        return Subscribed(position, True)

    def detach(self, session: RealtimeSession, channel: str) -> None:
        """End a subscription of a session."""
        feed = session.feeds.pop(channel)
        feed.receivers.pop(session, None)
        self._crowds.leave(session, feed.key)
        self._drop_unused(feed)

    async def members(self, key: ChannelKey) -> Sequence[Member]:
        """Return who is present in a channel."""
        return await self._presence.members(key)

    async def check(self) -> None:
        """End the sessions whose token, session, membership or user ended.

        The subscriptions of those whose permissions changed are checked in tasks of their own: many of them delay no end.
        """
        now = time.time()
        current = []
        for session in tuple(self._sessions):
            if session.expires_at <= now:
                self._end(session, "expired")
            else:
                current.append(session)
        for first in range(0, len(current), 100):
            await asyncio.gather(*(self._checked(session) for session in current[first : first + 100]))
        self._measure()

    def _measure(self) -> None:
        for name, value in (
            ("realtime_sessions", self.sessions),
            ("realtime_subscriptions", self.subscriptions),
            ("realtime_recoveries_total", self.figures.recovered),
            ("realtime_resets_total", self.figures.resets),
            ("realtime_refused_total", self.figures.refused),
            ("realtime_ended_total", self.figures.ended.total()),
            ("stream_queued_messages", self.figures.queued),
            ("stream_slow_clients_total", self.figures.slow),
        ):
            self._gauge(name, value)

    async def _checked(self, session: RealtimeSession) -> None:
        held = session.principal
        if held.session_id is None:
            return
        # `check` compares the time, which is infinite for a session by cookie
        claims = TokenClaims(user_id=held.user_id, session_id=held.session_id, tenant_id=held.tenant_id, expires_at=0)
        try:
            async with self._checking:
                principal = await self._access.principal(claims)
        except Unauthenticated:
            self._end(session, "revoked")
            return
        except ApiBaseError as error:
            logger.info("session_not_checked", reason=str(error))
            return
        if session.closed:
            return
        if principal != session.principal:
            session.context = session.context.acting(principal, session.context.access_token)
            session.unchecked.update(session.feeds)
        if session.unchecked and not session.checking:
            session.checking = True
            self._spawn(self._subscription_checks.run(session), "check subscriptions")

    async def _authorized(self, session: RealtimeSession, channel: str) -> ChannelKey:
        key, message = self._channels.resolve(channel, session.context)
        if message is not None:
            token = current_context.set(session.context.in_trace_of(current_context.get(NO_REQUEST)))  # not that of the handshake
            try:
                await self._execute(message)
            finally:
                current_context.reset(token)
        return key

    def _end(self, session: RealtimeSession, reason: str) -> None:
        self.figures.ended[reason] += 1
        session.end(reason)

    def _reset(self, receivers: int) -> None:
        self.figures.resets += receivers

    def _drop_unused(self, feed: Feed) -> None:
        if feed.unused and self._feeds.get(feed.key) is feed:
            del self._feeds[feed.key]
            feed.stop()

    async def _poll(self) -> None:
        self.signal_all()

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _every(interval: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(interval)
        try:
            await work()
        except Exception as error:  # the next round tries again
            logger.warning("realtime_work_failed", reason=str(error) or type(error).__name__)
