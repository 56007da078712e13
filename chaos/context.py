"""The context that servers and workers load in addition to the built-in ones: `CONTEXTS=chaos.context:CHAOS`.

So the processes that run and die are `api-base serve` and `api-base worker` as shipped. The context adds subscribers and a job, whose effects
are counted, and makes the process pass the named points. `CHAOS_CONTROL` is the folder of `Control`, `CHAOS_PROCESS` this process's name.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final

from api_base.application.common.cqrs import Registration, on
from api_base.bootstrap.context import Context, Ports
from api_base.domain.common.events import DurableSubscription
from chaos.effects import TABLE, repository
from chaos.jobs import JOB, Note, NoteHandler
from chaos.points import Control, Watch
from chaos.subscribers import subscriptions
from chaos.watching import watch_answers, watch_pool


@cache
def _watch() -> Watch:
    name = os.environ["CHAOS_PROCESS"]
    return Watch(Control(Path(os.environ["CHAOS_CONTROL"])), name.partition("-")[0], name)


def _handlers(ports: Ports) -> list[Registration]:
    """Watch the application's objects: this is where a context receives them."""
    watch = _watch()
    watch_pool(ports.database.pool, watch, "app")
    if watch.kind == "worker":
        watch_pool(ports.worker_database.pool, watch, "worker")
    else:
        watch_answers(watch)
    return [on(Note, NoteHandler(repository(ports.database), ports.ids, watch))]


def _subscribers(ports: Ports) -> list[DurableSubscription]:
    return list(subscriptions(repository(ports.database), ports.jobs, ports.ids, _watch()))


CHAOS: Final = Context(
    name="chaos",
    tables=(TABLE,),
    migrations=Path(__file__).parent / "migrations",
    handlers=_handlers,
    subscribers=_subscribers,
    jobs=(JOB,),
)
