"""The callers of subscriptions: sessions in the real-time hub, which ends them with their token, their user or their membership."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from api_base.application.common.realtime import ChannelEvent, Position, PresenceChange, Realtime, RealtimeSession, Receiver, Subscribed
from api_base.core.errors import TooManyRequests, Unauthenticated
from api_base.core.protocols import AccessLookup, TokenVerifier
from api_base.core.types import RequestContext
from api_base.interface.websocket.handlers import MessageLimits


class Subscriber(Receiver, Protocol):
    """The receiver of one subscription."""

    def fail(self, error: Exception) -> None:
        """End the subscription with `error`."""


class _Line:
    """One session of the hub, which receives a channel once. Implements `Receiver`."""

    def __init__(self) -> None:
        self.session: RealtimeSession
        self.subscribers: dict[str, Subscriber] = {}

    def deliver(self, events: Sequence[ChannelEvent]) -> None:
        if (subscriber := self.subscribers.get(events[0].channel)) is not None:
            subscriber.deliver(events)

    def reset(self, channel: str, position: Position) -> None:
        if (subscriber := self.subscribers.get(channel)) is not None:
            subscriber.reset(channel, position)

    def ended(self, channel: str, reason: str) -> None:
        if (subscriber := self.subscribers.get(channel)) is not None:
            subscriber.ended(channel, reason)

    def presence(self, channel: str, change: PresenceChange) -> None:
        """Subscriptions do not ask for presence."""


class LiveSession:
    """The session of one connection, whose subscriptions share it.

    Several subscriptions to one channel have a session of the hub each: each begins at a position of its own. `on_end` is called once with
    the reason of the hub. Raises what `Realtime.open` raises.
    """

    def __init__(self, hub: Realtime, context: RequestContext, expires_at: float, on_end: Callable[[str], None]) -> None:
        self._hub, self._on_end, self._ended = hub, on_end, False
        self._lines = [self._line(context, expires_at)]

    def _line(self, context: RequestContext, expires_at: float) -> _Line:
        line = _Line()
        line.session = self._hub.open(context, expires_at, line, self._end)
        return line

    @property
    def context(self) -> RequestContext:
        """The caller, with the permissions of the last check."""
        return self._lines[0].session.context

    @asynccontextmanager
    async def subscribed(self, channel: str, after: Position | None, subscriber: Subscriber) -> AsyncIterator[Subscribed]:
        """Deliver the events of a channel. Raises what `Realtime.open` and `RealtimeSession.subscribe` raise."""
        first = self._lines[0].session
        line = next((one for one in self._lines if channel not in one.subscribers), None)
        if line is None:
            line = self._line(first.context, first.expires_at)
            self._lines.append(line)
        line.subscribers[channel] = subscriber
        try:
            yield await line.session.subscribe(channel, after)
        finally:
            del line.subscribers[channel]
            if channel in line.session.feeds:
                await line.session.unsubscribe(channel)
            if not line.subscribers and line is not self._lines[0] and line in self._lines:
                self._lines.remove(line)
                line.session.close()

    def renew(self, context: RequestContext, expires_at: float) -> None:
        """Continue with a fresh token of the same user, session and tenant. Raises `Unauthenticated` for another one."""
        for line in self._lines:
            line.session.renew(context, expires_at)

    def close(self) -> None:
        """Receive nothing more. Closing twice does nothing."""
        self._ended = True
        for line in self._lines:
            line.session.close()

    def _end(self, reason: str) -> None:
        if not self._ended:
            self.close()
            for line in self._lines:
                for subscriber in tuple(line.subscribers.values()):
                    subscriber.fail(Unauthenticated(f"The session ended: {reason}."))
            self._on_end(reason)


class LiveSessions:
    """Opens the sessions of one process. `limits` charges operations and refused tokens to their address."""

    def __init__(self, hub: Realtime, verifier: TokenVerifier, access: AccessLookup, limits: Callable[[], MessageLimits]) -> None:
        self._hub, self._verifier, self._access, self._limits = hub, verifier, access, limits

    def open(self, context: RequestContext, on_end: Callable[[str], None]) -> LiveSession:
        """Open a session until the token in `context` expires. Raises `Unauthenticated`, and what `Realtime.open` raises."""
        return LiveSession(self._hub, context, self._expires_at(context.access_token), on_end)

    async def charge(self, address: str) -> None:
        """Charge an operation as a request over HTTP. Raises `TooManyRequests`."""
        await self._limits().message(address)

    async def authenticated(self, context: RequestContext, token: str) -> RequestContext:
        """Return the context of the caller with this access token. Raises `Unauthenticated`, and `TooManyRequests` for an address with many failures."""
        limits = self._limits()
        refusal: TooManyRequests | None = await limits.refused_tokens(context.address)
        if refusal is not None:
            raise refusal
        try:
            return context.acting(await self._access.principal(self._verifier.verify(token.encode("utf-8", "surrogatepass"))), token)
        except Unauthenticated:
            await limits.failed_token(context.address)
            raise

    async def renew(self, session: LiveSession, token: str) -> None:
        """Continue a session with a fresh token. Raises what `authenticated` and `LiveSession.renew` raise."""
        context = await self.authenticated(session.context, token)
        session.renew(context, self._expires_at(token))

    def _expires_at(self, token: str) -> float:
        return float(self._verifier.verify(token.encode("utf-8", "surrogatepass")).expires_at)
