"""The open WebSockets of a process: how many there may be, and their figures."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from api_base.core.config.websocket import WebSocketSettings
from api_base.core.errors import TooManyRequests
from api_base.core.shared.addresses import limit_key
from api_base.core.types import UserId
from api_base.interface.errors.http import Overloaded

RETRY_AFTER: Final = 5.0
"""Seconds."""


class OpenSockets:
    """`gauge` sets a figure by its name."""

    def __init__(self, settings: WebSocketSettings, gauge: Callable[[str, float], None]) -> None:
        self.settings, self._gauge = settings, gauge
        self._open = self._dropped = self._slow = self._queued = 0
        self._unauthenticated: Counter[str] = Counter()
        self._users: Counter[UserId] = Counter()
        for name in ("connections", "queued_messages", "dropped_messages_total", "slow_clients_total"):
            gauge(f"websocket_{name}", 0)

    def admit(self, address: str, *, authenticated: bool) -> None:
        """Count a new connection. Raises `Overloaded` or `TooManyRequests`, and then counts nothing."""
        if self._open >= self.settings.max_connections:
            raise Overloaded("The server has too many open WebSockets. Close those that you do not need, or try again later.")
        if not authenticated:
            key = limit_key(address)
            if self._unauthenticated.total() >= self.settings.max_unauthenticated:
                raise Overloaded("Too many WebSockets of the server have not authenticated. Try again later.")
            if self._unauthenticated[key] >= self.settings.max_unauthenticated_per_address:
                raise TooManyRequests(
                    "Too many WebSockets of this address have not authenticated. Authenticate or close them.", retry_after=RETRY_AFTER
                )
            self._unauthenticated[key] += 1
        self._open += 1
        self._gauge("websocket_connections", self._open)

    def authenticated(self, address: str) -> None:
        """Note that a connection from `address` has authenticated, or has closed before."""
        key = limit_key(address)
        self._unauthenticated[key] -= 1
        if not self._unauthenticated[key]:
            del self._unauthenticated[key]

    def enter(self, user: UserId) -> bool:
        """Count a connection of `user`. Return whether there may be one more, and count nothing otherwise."""
        if self._users[user] >= self.settings.max_connections_per_user:
            return False
        self._users[user] += 1
        return True

    def leave(self, user: UserId | None) -> None:
        """Forget a closed connection. `user` is None if it had none."""
        self._open -= 1
        self._gauge("websocket_connections", self._open)
        if user is not None:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user]

    def queued(self, change: int) -> None:
        """Note that as many messages wait for slow clients, or no longer do."""
        self._queued += change
        self._gauge("websocket_queued_messages", self._queued)

    def dropped(self, count: int) -> None:
        """Count messages that a slow client does not get."""
        self._dropped += count
        self._gauge("websocket_dropped_messages_total", self._dropped)

    def slow_client(self) -> None:
        """Count a connection that was closed because its client reads too slowly."""
        self._slow += 1
        self._gauge("websocket_slow_clients_total", self._slow)
