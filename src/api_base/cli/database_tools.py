"""`api-base db`: psql, pg_dump and pg_restore on the embedded database, as its superuser."""

import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote, urlsplit

import typer

app = typer.Typer(no_args_is_help=True, help="Open, dump and restore the embedded database.")


@app.command()
def shell() -> None:
    """Open psql on the embedded database."""
    raise typer.Exit(_run("psql", []))


@app.command()
def dump(file: Annotated[Path, typer.Argument(help="File to write, in pg_dump's custom format.")]) -> None:
    """Dump the whole database to a file that only you can read. A dump that fails leaves an earlier file unchanged."""
    from api_base.core.errors import ConfigurationError

    if file.exists() and not file.is_file():  # such as /dev/stdout
        raise typer.Exit(_run("pg_dump", ["--format=custom", f"--file={file.absolute()}"]))
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # of mode 0600
        os.close(descriptor)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from None
    written = Path(name)
    try:
        code = _run("pg_dump", ["--format=custom", f"--file={written.absolute()}"])
        if code == 0:
            written.replace(file)
            print(f"Dumped to {file}.")
    finally:
        written.unlink(missing_ok=True)
    raise typer.Exit(code)


@app.command()
def restore(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Dump that `db dump` wrote.")]) -> None:
    """Replace the contents of the database with a dump, in one transaction. Stop the server first: otherwise it refuses."""
    with tempfile.TemporaryDirectory() as folder:  # the script must be complete before anything is dropped
        script = Path(folder) / "restore.sql"
        code = _run("pg_restore", [f"--file={script}", str(file.absolute())], connects=False)
        if code == 0:
            code = _run("psql", [*_ALL_OR_NOTHING, f"--command={_ALONE}", f"--command={_EMPTY}", f"--file={script}"])
    if code == 0:
        print(f"Restored from {file}.")
    raise typer.Exit(code)


_ALL_OR_NOTHING: Final = (
    "--no-psqlrc",
    "--quiet",
    "--output=/dev/null",
    "--set=ON_ERROR_STOP=1",
    "--set=SHOW_CONTEXT=never",
    "--single-transaction",
)
_ALONE: Final = """
do $$ begin
    for attempt in 1..30 loop
        exit when not exists (select from pg_stat_activity
                              where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid());
        if attempt = 30 then
            raise 'Nothing was restored: other processes use the database. Stop the server and the workers, and try again.';
        end if;
        perform pg_sleep(0.1), pg_stat_clear_snapshot();
    end loop;
end $$"""
"""Wait for three seconds: PostgreSQL closes the connections of a process that has just ended some time after it."""
_EMPTY: Final = "drop schema public cascade; create schema public authorization pg_database_owner; grant usage on schema public to public"
"""`pg_restore --clean` cannot drop the indexes of partitions. A dump expects the schema as `initdb` creates it."""


def _run(name: str, arguments: list[str], *, connects: bool = True) -> int:
    """Run a program as the superuser: policies would hide rows from a dump and forbid COPY in a restore."""
    from api_base.core.config import Settings, load_settings
    from api_base.core.errors import ConfigurationError
    from api_base.infrastructure.db.embedded import EmbeddedServer, program

    settings = load_settings()
    if not settings.database.embedded:
        raise ConfigurationError(
            "`api-base db` works on the embedded database only. DATABASE__URL names another server: use psql, pg_dump and pg_restore."
        )
    server = EmbeddedServer(settings.database.data_dir / "postgres", port=settings.database.embedded_port)
    server.start()
    try:
        url = urlsplit(server.administrator_url())
        without_password = url._replace(netloc=f"{url.username}@").geturl()
        command = [program(name), *([f"--dbname={without_password}"] if connects else []), *arguments]
        secret = {"PGPASSWORD": unquote(url.password or "")}  # other users see arguments in the process list
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to psql
        others = {name: value for name, value in os.environ.items() if "__" not in name and name.lower() not in Settings.model_fields}
        return subprocess.run(command, check=False, env=others | secret, restore_signals=True).returncode
    finally:
        server.stop()
