"""Handling stored events."""

from api_base.application.common.events.delivery import EventDelivery

__all__ = ["EventDelivery"]
