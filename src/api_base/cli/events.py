"""`api-base events`: list, inspect and replay events."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

if TYPE_CHECKING:
    from api_base.core.config import Settings
    from api_base.infrastructure.db.pool import ConnectionPool

app = typer.Typer(no_args_is_help=True, help="List and replay events.")

Since = Annotated[datetime | None, typer.Option(help="Only events at or after this time (UTC).")]


@app.command("list")
def list_(
    name: Annotated[str | None, typer.Option(help="Only events with this name, such as items.created.v1.")] = None,
    aggregate: Annotated[UUID | None, typer.Option(help="Only events of this aggregate.")] = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of events; the newest are listed.")] = 100,
) -> None:
    """Print stored events as CloudEvents, one JSON object per line, oldest first."""

    from api_base.application.common.events.cloud_event import encoded
    from api_base.cli.running import run_as_worker
    from api_base.infrastructure.events.admin import EventAdmin

    async def show(settings: "Settings", pool: "ConnectionPool") -> None:
        for event in await EventAdmin(pool).newest(name=name, aggregate_id=aggregate, since=_utc(since), limit=limit):
            print(encoded(event, settings.public_url).decode())

    run_as_worker(show)


@app.command()
def dead(limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of events.")] = 100) -> None:
    """List the events that a subscriber failed to handle. Exit code 1 if there are any."""
    from api_base.cli.running import run_as_worker
    from api_base.infrastructure.events.admin import EventAdmin

    deliveries = run_as_worker(lambda settings, pool: EventAdmin(pool).dead(limit))
    for one in deliveries:
        print(f"{one.event_id}  {one.name} to {one.subscription}: {one.attempts} attempts, {one.behind} behind it: {one.error}")
    raise typer.Exit(1 if deliveries else 0)


@app.command()
def replay(
    event: Annotated[UUID | None, typer.Argument(help="Id of the dead event to retry. Default: all.")] = None,
    subscription: Annotated[str | None, typer.Option(help="Only for this subscription.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Deliver all stored events from this time (UTC) on that the subscription has not handled.")
    ] = None,
) -> None:
    """Retry dead events. With --since, also deliver stored events that a subscription has not handled."""
    from api_base.cli.running import run
    from api_base.operations.event_admin import replay as again

    count = run(lambda settings, contexts: again(settings, contexts, event_id=event, subscription=subscription, since=_utc(since)))
    print(f"{count} event{'' if count == 1 else 's'} will be tried again.")


def _utc(time: datetime | None) -> datetime | None:
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
