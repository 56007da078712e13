"""`api-base worker`: the background, beside any number of servers."""

from typing import Annotated

import typer


def worker(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this kind of work: jobs, relay, remote, schedules, sealer, streams, subscribers. May be repeated."),
    ] = None,
) -> None:
    """Run jobs, relay events, run subscribers and streams, seal the audit trail, answer other services and do periodic work.

    Until Ctrl-C or SIGTERM; what is under way is finished, or given back to another worker.
    """
    import asyncio
    import signal

    import uvloop

    from api_base.bootstrap.configuration import load
    from api_base.bootstrap.worker import create_worker
    from api_base.core.shared.logging import configure_logging
    from api_base.infrastructure.observability.factory import json_logs
    from api_base.serving.resolving import database, on
    from api_base.serving.worker import run_worker

    settings, contexts = load()
    configure_logging(level=settings.observability.log_level, json=json_logs(settings))

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run_worker(create_worker(on(settings, urls), contexts, only or ()), urls, stop)

    with database(settings) as urls:
        asyncio.run(run(), loop_factory=uvloop.new_event_loop)
