"""The context that servers and workers are given besides their own: `CONTEXTS='["chaos.context:CHAOS"]'`.

So what runs, and dies, is `api-base serve` and `api-base worker` as they are shipped. It brings the subscribers whose effects are
counted, and lets the process come by the named points. `CHAOS_CONTROL` is the folder of `Control`, `CHAOS_PROCESS` this process's name.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from api_base.bootstrap.context import Context, Ports
from api_base.domain.common.events import DurableSubscription
from chaos.effects import TABLE, subscriptions
from chaos.points import Control, Watch
from chaos.watching import watch_answers, watch_pool


@cache
def _watch() -> Watch:
    name = os.environ["CHAOS_PROCESS"]
    return Watch(Control(Path(os.environ["CHAOS_CONTROL"])), name.partition("-")[0], name)


def _armed(ports: Ports) -> Mapping[Any, Any]:
    """No handlers: it is where a context is given the application's objects."""
    watch = _watch()
    watch_pool(ports.database.pool, watch)
    if os.environ["CHAOS_PROCESS"].startswith("worker"):
        watch_pool(ports.container.worker_database().pool, watch)
    else:
        watch_answers(watch)
    return {}


def _subscribers(ports: Ports) -> list[DurableSubscription[Any]]:
    return list(subscriptions(ports.database, ports.ids, _watch()))


CHAOS: Final = Context(
    name="chaos", tables=(TABLE,), migrations=Path(__file__).parent / "migrations", handlers=_armed, subscribers=_subscribers
)
