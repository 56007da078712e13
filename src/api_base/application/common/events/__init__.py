"""Delivery of stored events to subscribers, and streams derived from events."""

from api_base.application.common.events.delivery import EventDelivery
from api_base.application.common.events.transport import EventTransport, Stream, StreamRecord
from api_base.application.common.events.versions import EventVersions, versions_of

__all__ = ["EventDelivery", "EventTransport", "EventVersions", "Stream", "StreamRecord", "versions_of"]
