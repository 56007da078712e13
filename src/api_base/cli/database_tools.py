"""`api-base db`: psql, pg_dump and pg_restore against the database, as its superuser."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

app = typer.Typer(no_args_is_help=True, help="Reach the database: shell, dump, restore.")


@app.command()
def shell() -> None:
    """Open psql."""
    raise typer.Exit(_run("psql", []))


@app.command()
def dump(file: Annotated[Path, typer.Argument(help="File to write, in pg_dump's custom format.")]) -> None:
    """Write a dump of the whole database."""
    code = _run("pg_dump", ["--format=custom", f"--file={file.absolute()}"])
    if code == 0:
        print(f"Dumped to {file}.")
    raise typer.Exit(code)


@app.command()
def restore(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A dump made by `db dump`.")]) -> None:
    """Replace the contents of the database by a dump. Stop the server first."""
    code = _run("pg_restore", ["--clean", "--if-exists", "--single-transaction", str(file.absolute())])
    if code == 0:
        print(f"Restored from {file}.")
    raise typer.Exit(code)


def _run(program: str, arguments: list[str]) -> int:
    """As the superuser: policies would hide rows from a dump, and forbid COPY to a restore."""
    from api_base.core.config import load_settings
    from api_base.core.errors import ConfigurationError
    from api_base.infrastructure.db.embedded.server import EmbeddedServer

    settings = load_settings()
    if not settings.database.embedded:
        raise ConfigurationError("These commands reach the embedded database. For a server of yours use psql, pg_dump and pg_restore.")
    server = EmbeddedServer(settings.database.data_dir / "postgres", port=settings.database.embedded_port)
    server.start()
    try:
        url = urlsplit(server.administrator_url())
        without_password = url._replace(netloc=f"{url.username}@").geturl()
        command = [server.program(program), f"--dbname={without_password}", *arguments]
        secret = {"PGPASSWORD": unquote(url.password or "")}  # arguments show in the list of processes
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is psql's
        return subprocess.run(command, check=False, env={**os.environ, **secret}, restore_signals=True).returncode
    finally:
        server.stop()
