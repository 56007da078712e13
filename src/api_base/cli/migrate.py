"""`api-base migrate`: the database's schema, up, down and on."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Migrate the database.")


@app.command()
def up() -> None:
    """Bring every context to its newest revision."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.configuration import load
    from api_base.serving.resolving import database

    settings, contexts = load()
    with database(settings) as urls:
        applied = migrations.up(settings, urls, contexts)
    print("\n".join(applied) if applied else "Nothing to do.")


@app.command()
def down(
    context: Annotated[str, typer.Argument(help="The context to take back.")],
    steps: Annotated[int, typer.Option(min=1, help="Number of revisions.")] = 1,
) -> None:
    """Undo the last revisions of one context."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.configuration import load
    from api_base.serving.resolving import database

    settings, contexts = load()
    with database(settings) as urls:
        print("\n".join(migrations.down(settings, urls, context, steps, contexts=contexts)))


@app.command()
def status() -> None:
    """Where each context stands. Exit code 1 where something is pending."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.configuration import load
    from api_base.serving.resolving import database

    settings, contexts = load()
    with database(settings) as urls:
        branches = migrations.status(urls, contexts)
    for branch in branches:
        pending = f", pending: {', '.join(branch.pending)}" if branch.pending else ""
        print(f"{branch.context:12} {branch.current or '-'}{pending}")
    raise typer.Exit(1 if any(branch.pending for branch in branches) else 0)


@app.command()
def new(
    context: Annotated[str, typer.Argument(help="The context that the revision belongs to.")],
    message: Annotated[str, typer.Argument(help="What it does, in a few words.")],
) -> None:
    """Write an empty revision into the package that owns the context."""
    from api_base.bootstrap import migrations
    from api_base.bootstrap.configuration import load

    print(migrations.new(context, message, load()[1]))
