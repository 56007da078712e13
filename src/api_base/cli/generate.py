"""`api-base generate`: add code to a project."""

from functools import cache, partial
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Add code to a project, with its tests. Files that exist are changed by syntax tree.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the changes as a diff, and write nothing.")]
Fields = Annotated[list[str], typer.Argument(metavar="FIELD:TYPE…", help="Fields, as in title:str body:text? status:open,done")]
OfContext = Annotated[str, typer.Argument(help="Name of the context: notes.")]
Named = Annotated[str, typer.Argument(help="Name of the message: rename_note.")]
OfResource = Annotated[list[str], typer.Argument(metavar="FIELD…", help="Names of fields of the resource.")]


@app.command()
def resource(
    name: Annotated[str, typer.Argument(help="Name in the plural: lower-case words joined by underscores.")],
    fields: Fields,
    owner: Annotated[str, typer.Option(help="Whose the rows are: tenant, user or none.")] = "tenant",
    singular: Annotated[str | None, typer.Option(help="The singular of an irregular plural.")] = None,
    key: Annotated[str | None, typer.Option(help="A field to add, whose slug names the resource in paths.")] = None,
    explicit: Annotated[bool, typer.Option("--explicit", help="Write its messages, handlers and routes out, without crud.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Add a plain resource: its context, its revision, and tests of its routes. Types: str, text, int, bool, date, datetime, uuid, money; ? may be null."""
    _generate("resource", name, *fields, owner=owner, singular=singular, key=key, explicit=explicit, dry_run=dry_run)


@app.command()
def relation(
    context: OfContext,
    name: Annotated[str, typer.Argument(help="Name in the plural, as in votes or followers.")],
    to: Annotated[str | None, typer.Option(help="Context of the resources at the other end, in the place of users.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Add a relation between a resource and users, or two resources, each pair once at most, with its routes: PUT, DELETE and GET /notes/{id}/votes/me"""
    _generate("relation", context, name, *([] if to is None else [to]), dry_run=dry_run)


@app.command()
def command(context: OfContext, name: Named, fields: OfResource, dry_run: DryRun = False) -> None:
    """Add a command that changes fields of one resource, with its route: POST /notes/{id}/rename."""
    _generate("command", context, name, *fields, dry_run=dry_run)


@app.command()
def query(context: OfContext, name: Named, fields: OfResource, dry_run: DryRun = False) -> None:
    """Add a query for the newest resources with certain values of fields, with its route: GET /notes/by-title?title=…"""
    _generate("query", context, name, *fields, dry_run=dry_run)


@app.command()
def job(context: OfContext, name: Named, fields: OfResource, dry_run: DryRun = False) -> None:
    """Add a job that changes fields of one resource in a worker, with the route that requests it."""
    _generate("job", context, name, *fields, dry_run=dry_run)


@app.command()
def subscriber(
    context: OfContext,
    event: Annotated[str, typer.Argument(help="Name of the event, as in users.registered.v1.")],
    dry_run: DryRun = False,
) -> None:
    """Add a durable subscription to an event, whose effects happen once, after the commit."""
    _generate("subscriber", context, event, dry_run=dry_run)


@app.command()
def migration(context: OfContext, dry_run: DryRun = False) -> None:
    """Write the revision that a context needs after its fields, filters or sorts have changed."""
    _generate("migration", context, dry_run=dry_run)


def _generate(
    command: str,
    *arguments: str,
    dry_run: bool,
    owner: str = "tenant",
    singular: str | None = None,
    key: str | None = None,
    explicit: bool = False,
) -> None:
    """Change a copy of the project in the current folder, complete it, and write what differs, or print it."""
    from api_base.core.di import missing_extra
    from api_base.core.errors import ConfigurationError

    if missing := missing_extra("generate"):
        raise ConfigurationError(f"api-base generate {missing}")
    from api_base.generating.completion import complete, published_events
    from api_base.generating.record import Step
    from api_base.generating.staging import apply, staged
    from api_base.generating.steps import recorded, take

    project = Path.cwd()
    step = Step(command=command, arguments=arguments, owner=owner, singular=singular, key=key, explicit=explicit)
    with staged(project) as staging:
        events = cache(partial(published_events, staging))
        context = arguments[0] if command == "migration" else take(step, staging, events)
        if context is not None or staging.changes():
            complete(staging, revision_of=context)
        changes = staging.changes()
        records = recorded(project, step, events) if command != "migration" else []
    if dry_run:
        print("\n".join(change.diff for change in changes), end="")
        return
    apply(project, [*changes, *records])
    for change in changes:
        print(f"{'changed' if change.before is not None else 'created'} {change.path}")
    if not changes:
        print("Nothing to do: everything is there.")
    elif any("/migrations/" in change.path for change in changes):
        print("Next: api-base migrate up")
