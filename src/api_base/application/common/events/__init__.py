"""Handling stored events, and streams made of them."""

from api_base.application.common.events.delivery import EventDelivery
from api_base.application.common.events.stream import Stream, StreamRecord

__all__ = ["EventDelivery", "Stream", "StreamRecord"]
