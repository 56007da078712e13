"""`api-base migrate`: change the schema of the database."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Migrate the database.")


@app.command()
def up() -> None:
    """Apply all pending revisions of every context."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.services import build
    from api_base.cli.running import application

    with application() as (settings, urls, contexts):
        build(settings, contexts).refuse_faults()
        applied = migrations.up(settings, urls, contexts)
    print("\n".join(applied) if applied else "Nothing to do.")


@app.command()
def down(
    context: Annotated[str, typer.Argument(help="Name of the context.")],
    steps: Annotated[int, typer.Option(min=1, help="Number of revisions to undo.")] = 1,
) -> None:
    """Undo the last revisions of one context."""
    from api_base.bootstrap import migrations
    from api_base.cli.running import application

    with application() as (settings, urls, contexts):
        print("\n".join(migrations.down(settings, urls, context, steps, contexts=contexts)))


@app.command()
def status() -> None:
    """Show the current revision of each context. Exit code 1 when any is pending."""
    from api_base.bootstrap import migrations
    from api_base.cli.running import application

    with application() as (_, urls, contexts):
        branches = migrations.status(urls, contexts)
    for branch in branches:
        pending = f", pending: {', '.join(branch.pending)}" if branch.pending else ""
        print(f"{branch.context:12} {branch.current or '-'}{pending}")
    raise typer.Exit(1 if any(branch.pending for branch in branches) else 0)


@app.command()
def new(
    context: Annotated[str, typer.Argument(help="Context that the revision belongs to.")],
    message: Annotated[str | None, typer.Argument(help="What the revision does, in a few words. --auto needs none.")] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Write what makes the database as the context declares its tables and lists.")
    ] = False,
) -> None:
    """Write a revision into the package that owns the context: an empty one, or what its tables and lists need."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.configuration import load
    from api_base.cli.running import application

    if auto:
        with application() as (settings, urls, contexts):
            written = migrations.auto(settings, urls, context, message, contexts)
        print(written or f"Nothing to do: the database has the tables and indexes that {context} declares.")
    elif message is None:
        raise typer.BadParameter("Say what the revision does, or pass --auto.", param_hint="MESSAGE")
    else:
        print(migrations.new(context, message, load()[1]))


@app.command()
def forget(
    context: Annotated[str, typer.Argument(help="Context that is left out; one of your own as package.module:ATTRIBUTE.")],
    yes: Annotated[bool, typer.Option("--yes", help="Drop it.")] = False,
) -> None:
    """Show what the database has of a context that is left out; with --yes, drop it permanently, in one transaction.

    Its tables and revisions go, and its rows in the tables of the base; its jobs that have not ended are cancelled. The audit trail and the outbox stay.
    """
    from api_base.bootstrap import forgetting
    from api_base.cli.running import application

    with application() as (settings, urls, contexts):
        absent = forgetting.absent_context(context, contexts)
        found = forgetting.remains(settings, urls, absent, contexts)
        for table, rows in found.tables.items():
            print(f"table {table}: {rows} row{'' if rows == 1 else 's'}")
        if found.revisions:
            print(f"revisions: {', '.join(found.revisions)}")
        for kind, rows in found.rows.items():
            if rows:
                print(f"{kind}: {rows}")
        if not found:
            print(f"Nothing to do: the database has nothing of {absent.name}.")
        elif yes:
            forgetting.forget(settings, urls, absent, contexts)
            print(f"Dropped. The database has forgotten {absent.name}.")
        else:
            print(f"Nothing was dropped. To drop this permanently: api-base migrate forget {context} --yes")
            raise typer.Exit(1)
