"""`api-base jobs`: list, show, retry and cancel jobs."""

from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from api_base.core.protocols import JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from api_base.infrastructure.tasks.admin import JobAdmin, JobEntry

app = typer.Typer(no_args_is_help=True, help="List, retry and cancel jobs.")

Id = Annotated[UUID, typer.Argument(help="Id of the job.")]


@app.command("list")
def list_(
    state: Annotated[JobState | None, typer.Option(help="Only jobs in this state.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs with this name, such as items.import.")] = None,
    tenant: Annotated[UUID | None, typer.Option(help="Only jobs of this tenant; the nil UUID selects jobs without a tenant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of jobs; the newest are listed.")] = 100,
) -> None:
    """Print jobs, one per line, oldest first."""
    for one in _run(lambda admin: admin.newest(state=state, name=name, tenant_id=tenant, limit=limit)):
        _print(one)


@app.command()
def show(id: Id) -> None:
    """Print a job as JSON: its command, result, times and the user who started it."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(_run(lambda admin: admin.show(id)), enc_hook=str)).decode())


@app.command()
def dead(limit: Annotated[int, typer.Option(min=1, max=10_000, help="Maximum number of jobs.")] = 100) -> None:
    """List the jobs that failed permanently. Exit code 1 if there are any."""
    found = _run(lambda admin: admin.dead(limit))
    for one in found:
        _print(one)
    raise typer.Exit(1 if found else 0)


@app.command()
def retry(id: Id) -> None:
    """Retry a dead or cancelled job, with the full number of attempts."""
    _run(lambda admin: admin.retry(id))
    print(f"The job {id} will be tried again.")


@app.command()
def cancel(id: Id) -> None:
    """Cancel a job that waits or runs. Its uncommitted changes are rolled back."""
    _run(lambda admin: admin.cancel(id))
    print(f"The job {id} is cancelled.")


def _print(one: "JobEntry") -> None:
    line = f"{one.id}  {one.created_at:%Y-%m-%d %H:%M:%S}  {one.state:9}  {one.progress:3} %  {one.name}"
    print(line + (f": {one.attempts} attempt{'' if one.attempts == 1 else 's'}: {one.error}" if one.error else ""))


def _run[T](operation: "Callable[[JobAdmin], Coroutine[Any, Any, T]]") -> T:
    from api_base.cli.running import run_as_worker
    from api_base.infrastructure.tasks.admin import JobAdmin

    return run_as_worker(lambda settings, pool: operation(JobAdmin(pool, settings.jobs.keep_days)))
