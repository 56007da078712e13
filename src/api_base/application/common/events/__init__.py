"""Delivery of stored events to subscribers, and streams derived from events."""

from api_base.application.common.events.delivery import EventDelivery
from api_base.application.common.events.stream import Stream, StreamRecord
from api_base.application.common.events.transport import EventTransport

__all__ = ["EventDelivery", "EventTransport", "Stream", "StreamRecord"]
