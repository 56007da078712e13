"""Structured logs: JSON in production, readable text in development. Each event carries the ids of its request; secrets are redacted."""

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

from api_base.core.shared.imports import without
from api_base.core.shared.tracing import current_span_id
from api_base.core.types import current_context

with without("rich"):  # for tracebacks with the values of local variables, which we never write: 4 MB
    import structlog

type Logger = structlog.typing.FilteringBoundLogger
type Event = MutableMapping[str, Any]

REDACTED: Final = "[redacted]"
_DRIVERS: Final = ("aiokafka", "aio_pika", "aiormq")
"""These drivers write dozens of lines a second while a broker is unavailable."""
_LOG_INTERVAL: Final = 60.0
"""Minimum seconds between two log lines from the same place of a driver."""
_SECRET_WORDS: Final = ("password", "token", "secret", "authorization", "cookie", "api_key", "signing_key")


def get_logger(name: str) -> Logger:
    """A logger whose events carry `component=name`. It reads the logging configuration at its first event."""
    logger: Logger = structlog.get_logger(component=name)
    return logger


def configure_logging(*, level: str, json: bool, stream: TextIO | None = None) -> None:
    """Set up structlog and the standard library's logging to write to `stream` (standard output) in one format.

    `level` is debug, info, warning or error.
    """
    out = stream or sys.stdout
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        bind_request,
        redact,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if json
        else structlog.dev.ConsoleRenderer(  # rich's tracebacks, its default, show the values of local variables: passwords, tokens
            colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    tail = [structlog.processors.format_exc_info, renderer] if json else [renderer]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.addFilter(_RepeatFilter())
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_drop_meta, *tail]))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level.upper())


class _RepeatFilter(logging.Filter):
    """Drops repeated lines of a driver. Adapters log the driver's errors as well, so nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log the record. Records are equal if they come from the same line of the driver's code."""
        if record.name.partition(".")[0] not in _DRIVERS:
            return True
        place, now = (record.pathname, record.lineno), time.monotonic()
        last = self._last.get(place)
        if last is not None and now - last < _LOG_INTERVAL:
            return False
        self._last[place] = now
        return True


def bind_request(logger: Any, method: str, event: Event) -> Event:
    """Add the ids of the current request."""
    del logger, method
    context = current_context.get(None)
    if context is not None:
        event.setdefault("request_id", context.request_id)
        if context.trace_id:
            event.setdefault("trace_id", context.trace_id)
            event.setdefault("span_id", current_span_id())
        if context.principal is not None:
            event.setdefault("principal", str(context.principal.user_id))
            event.setdefault("tenant", str(context.principal.tenant_id))
    return event


def redact(logger: Any, method: str, event: Event) -> Event:
    """Hide the values of keys that name a secret, at any depth."""
    del logger, method
    for key, value in event.items():
        event[key] = REDACTED if _secret(key) else _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: REDACTED if _secret(str(key)) else _redacted(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(inner) for inner in value]
    return value


def _secret(key: str) -> bool:
    lowered = key.lower()
    return any(word in lowered for word in _SECRET_WORDS)


def _drop_meta(logger: Any, method: str, event: Event) -> Event:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)
