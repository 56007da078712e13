"""The context `versions`: who still calls deprecated routes. Without it, only the metrics count them."""

from datetime import timedelta
from pathlib import Path
from typing import Final

from api_base.bootstrap.context import Context, Ports
from api_base.bootstrap.opening import OpenedInOrder
from api_base.infrastructure import versions
from api_base.infrastructure.db.pruner import Prune
from api_base.infrastructure.versions.calls import CallReporter
from api_base.infrastructure.versions.tables import DEPRECATED_CALLS


def _lifespan(ports: Ports) -> OpenedInOrder:
    return OpenedInOrder(CallReporter(ports.database, ports.deprecated_calls, ports.clock))


VERSIONS: Final = Context(
    name="versions",
    tables=(DEPRECATED_CALLS,),
    migrations=Path(versions.__path__[0]) / "migrations",
    prune=(Prune(table=DEPRECATED_CALLS, ended="last_at", keep=timedelta(days=90)),),
    lifespan=_lifespan,
)
