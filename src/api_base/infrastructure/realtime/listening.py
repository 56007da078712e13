"""Runs the hub of a serving process: it listens to signals, checks sessions, and ends them when the process stops."""

from api_base.application.common.realtime import Realtime
from api_base.core.protocols import Resource
from api_base.infrastructure.db.notifications import NotificationListener
from api_base.infrastructure.realtime.signals import EVENTS, MEMBERS, Signals, reader


class RealtimeDelivery(Resource):
    """Open it before `listener`, which then listens to the signals of the database too."""

    def __init__(self, hub: Realtime, signals: Signals, listener: NotificationListener) -> None:
        self._hub, self._listener = hub, listener
        self._listening = signals.listen(reader(hub.signal), hub.signal_all)

    async def open(self) -> None:
        """Listen, and start the hub."""
        self._listener.add(EVENTS, reader(self._hub.signal), self._hub.signal_all)
        self._listener.add(MEMBERS, reader(self._hub.signal_presence), lambda: None)
        if self._listening is not None:
            await self._listening.open()
        self._hub.start()

    async def close(self) -> None:
        """End every session."""
        await self._hub.stop()
        if self._listening is not None:
            await self._listening.close()
