"""`api-base worker`: run the background worker, beside any number of servers and workers."""

from typing import Annotated

import typer


def worker(
    context: typer.Context,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Run only this kind of work: jobs, relay, remote, schedules, sealer, streams or subscribers. Repeat for several."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port for the /metrics of a worker that runs without serve.")
    ] = None,
) -> None:
    """Run background work until Ctrl-C, SIGTERM or SIGHUP: jobs, schedules, event delivery, streams, the audit trail and remote messages.

    At the end, current work is finished or left to another worker.
    """
    import asyncio
    import gc

    import uvloop

    from api_base.bootstrap.configuration import load
    from api_base.bootstrap.worker import create_worker
    from api_base.core.shared.logging import configure_logging
    from api_base.infrastructure.observability.factory import json_logs
    from api_base.serving.metrics_port import counting
    from api_base.serving.resolving import database, on
    from api_base.serving.signals import NUMBERS, block
    from api_base.serving.worker import run_worker

    settings, contexts = load("worker")
    configure_logging(level=settings.observability.log_level, json=json_logs(settings))

    async def run() -> None:
        stop = asyncio.Event()
        for number in NUMBERS:
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        signals, _ = context.obj
        if signals.stopped_by is not None or signals.hung_up:
            stop.set()
        work = create_worker(on(counted, urls), contexts, only or ())
        gc.freeze()
        gc.enable()
        await run_worker(work, urls, stop)

    with database(settings) as urls, counting(settings, metrics_port) as counted:
        asyncio.run(run(), loop_factory=uvloop.new_event_loop)
        block()
