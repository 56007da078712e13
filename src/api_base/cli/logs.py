"""Logs of a command, as the settings ask for them."""

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from api_base.core.config import Settings


def log_as(settings: "Settings", stream: TextIO | None = None) -> None:
    """Log to `stream` (standard output). A command whose output is read by a program logs to standard error."""
    from api_base.core.shared.logging import configure_logging

    chosen = settings.observability.log_format
    json = chosen == "json" or (chosen == "auto" and settings.environment == "production")
    configure_logging(level="debug" if settings.debug else settings.observability.log_level, json=json, stream=stream)
