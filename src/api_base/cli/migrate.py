"""`api-base migrate`: the schema of each context, up, down, where it stands, and the next step."""

import sys
from typing import Annotated

import typer

from api_base.cli.logs import log_as

ContextName = Annotated[str, typer.Argument(help="Name of the context, as `migrate status` shows it.")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Move the database's schema.")
    for command in (up, down, status, new):
        group.command()(command)
    app.add_typer(group, name="migrate")


def up() -> None:
    """Bring every context to its newest revision. Any number of processes may do so at once."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.database import database, urls_of
    from api_base.bootstrap.installed import installed_contexts
    from api_base.core.config import load_settings

    settings = load_settings()
    log_as(settings, sys.stderr)
    with database(settings) as resolved:
        _tell("applied", migrations.up(resolved, urls_of(resolved), installed_contexts()))


def down(context: ContextName, steps: Annotated[int, typer.Option(min=1, help="Number of revisions to undo.")] = 1) -> None:
    """Undo the last revisions of a context. What they had stored is gone."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.database import database, urls_of
    from api_base.bootstrap.installed import installed_contexts
    from api_base.core.config import load_settings

    settings = load_settings()
    log_as(settings, sys.stderr)
    with database(settings) as resolved:
        _tell("undone", migrations.down(resolved, urls_of(resolved), context, steps, contexts=installed_contexts()))


def status() -> None:
    """Show where each context stands. Exit code 1 when something is pending."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.database import database, urls_of
    from api_base.bootstrap.installed import installed_contexts
    from api_base.core.config import load_settings

    with database(load_settings()) as resolved:
        found = migrations.status(urls_of(resolved), installed_contexts())
    for branch in found:
        pending = f"pending: {', '.join(branch.pending)}" if branch.pending else "at head"
        typer.echo(f"{branch.context:12s} {branch.current or '-':32s} {pending}")
    if any(branch.pending for branch in found):
        raise typer.Exit(1)


def new(context: ContextName, message: Annotated[str, typer.Argument(help="What it does, in a few words.")]) -> None:
    """Write an empty revision into the package that owns the context."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.installed import installed_contexts

    typer.echo(migrations.new(context, message, installed_contexts()))


def _tell(done: str, revisions: list[str]) -> None:
    for revision in revisions:
        typer.echo(f"{done} {revision}")
    if not revisions:
        typer.echo("nothing to do")
