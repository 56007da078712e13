"""`api-base versions`: who still calls older versions of the API."""

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True)


@app.callback()
def versions() -> None:
    """Show who uses older versions of the API."""


@app.command()
def usage(
    days: Annotated[int, typer.Option(min=1, max=90, help="The last days in UTC, today included.")] = 30,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of lines.")] = 1000,
) -> None:
    """List the calls of deprecated routes by tenant and client, the most frequent first. Exit code 1 if there are any."""
    from api_base.cli.columns import print_columns
    from api_base.cli.running import run_as_worker
    from api_base.core.types import NO_TENANT
    from api_base.infrastructure.versions.calls import usage as found

    rows = run_as_worker(lambda settings, pool: found(pool, days, limit))
    if not rows:
        return
    lines = [(one.route, "" if one.tenant == NO_TENANT else str(one.tenant), one.client, str(one.calls), str(one.last_day)) for one in rows]
    print_columns([("route", "tenant", "client", "calls", "last day"), *lines])
    raise typer.Exit(1)
