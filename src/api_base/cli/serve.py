"""`api-base serve`: a light supervisor that owns the embedded database, the server processes and the development worker.

It imports little, so that its children import while the database starts.
"""

from typing import Annotated

import typer


def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Number of server processes.")] = None,
    worker: Annotated[bool, typer.Option(help="Also run a background worker.")] = True,
    reload: Annotated[bool, typer.Option("--reload", help="Replace the processes when the code of your contexts changes.")] = False,
) -> None:
    """Serve HTTP until Ctrl-C or SIGTERM.

    SIGHUP restarts the server processes one by one without refusing a request, once they serve. A socket passed by systemd (LISTEN_FDS) overrides --port.
    --reload does the same at each change of your code. Code that cannot serve is reported, and the old code serves on. Production refuses it.
    """
    from api_base.bootstrap.selections import load_settings_early
    from api_base.serving.own_code import watch_code
    from api_base.serving.resolving import supervised_database
    from api_base.serving.supervisor import Supervisor
    from api_base.serving.systemd import listen

    settings = load_settings_early()
    update = {"host": host, "port": port, "workers": workers}
    server = settings.server.model_copy(update={name: value for name, value in update.items() if value is not None})
    settings = settings.model_copy(update={"server": server})
    signals, first = context.obj
    supervisor = Supervisor(settings, first, signals, watch_code(settings) if reload else None)
    with listen(settings.server) as listener:
        if signals.stopped_by is not None:
            raise typer.Exit
        with supervised_database(settings) as (urls, ensure_database):
            raise typer.Exit(supervisor.run(listener, urls, ensure_database, with_worker=worker))
