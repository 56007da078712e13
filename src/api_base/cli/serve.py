"""`api-base serve`: the whole backend, from one command; Ctrl-C ends all of it, in order, PostgreSQL last."""

import os
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default SERVER__HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on; default SERVER__PORT.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Server processes; default SERVER__WORKERS.")] = None,
    worker: Annotated[bool, typer.Option(help="Run the background worker as well.")] = True,
    reload: Annotated[bool, typer.Option(help="Start again when a Python file under the current folder changes.")] = False,
) -> None:
    """Migrate and serve; without DATABASE__URL on a PostgreSQL of its own."""
    from api_base.cli.child import Child, end
    from api_base.cli.signals import Stop, stop_on_signals
    from api_base.cli.supervisor import SERVER

    chosen = {"SERVER__HOST": host, "SERVER__PORT": port, "SERVER__WORKERS": workers}
    overrides = {name: str(value) for name, value in chosen.items() if value is not None}
    code = 0
    with stop_on_signals():
        try:
            first = Child(SERVER)  # what takes longest is its imports: they begin before anything else
            try:
                code = _supervise(first, overrides, worker=worker, reload=reload)
            finally:
                end([first], 0)
        except Stop:
            code = 0
    raise typer.Exit(code)


def _supervise(first: "Child", overrides: dict[str, str], *, worker: bool, reload: bool) -> int:
    from api_base.bootstrap.database import database, variables
    from api_base.cli.listening import listen
    from api_base.cli.reload import Sources
    from api_base.cli.supervisor import Plan, Supervisor
    from api_base.core.config import load_settings

    os.environ.update(overrides)
    settings = load_settings()
    server = settings.server
    plan = Plan(
        servers=1 if reload else server.workers,
        worker=worker,
        sources=Sources([Path.cwd()]) if reload else None,
        shutdown_timeout=server.shutdown_timeout,
    )
    with listen(server.host, server.port) as listener, database(settings) as resolved, _metrics(settings) as counted:
        environment = {**overrides, **variables(resolved), **counted}
        return Supervisor(plan, first, environment, listener).run(lambda: _tell(settings))
