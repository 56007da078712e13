"""`api-base worker`: the background, until SIGTERM. What is running then is finished."""

import typer


def register(app: typer.Typer) -> None:
    app.command("worker")(worker)


def worker() -> None:
    """Run the background work: what is periodic, and later jobs and events. Any number may run."""
    from api_base.bootstrap.database import database
    from api_base.cli.background import run
    from api_base.cli.signals import Stop, stop_on_signals
    from api_base.core.config import load_settings

    try:
        with stop_on_signals(), database(load_settings()) as settings:
            run(settings)
    except Stop:
        raise typer.Exit(0) from None
