"""`api-base search`: rebuild search indexes, compare them with the database, put a previous one back."""

import sys
import time
from typing import Annotated, Any, Self

import typer

app = typer.Typer(no_args_is_help=True, help="Rebuild and verify search indexes.")

Index = Annotated[str | None, typer.Argument(help="Name of the search index. Default: all.")]


@app.command()
def reindex(index: Index = None) -> None:
    """Build an index again beside the live one, then change over in one step. Searches and writes go on."""
    from api_base.cli.running import run
    from api_base.operations.search_admin import reindex as again

    with _Progress("indexed") as progress:
        written = run(lambda settings, contexts: again(settings, contexts, index, progress.show))
    for name, count in written.items():
        print(f"{name}: {count} documents indexed. The previous index can be put back: api-base search rollback {name}")


@app.command()
def verify(index: Index = None, repair: Annotated[bool, typer.Option("--repair", help="Write what differs again.")] = False) -> None:
    """Compare an index with the database. Exit code 1 if differences remain."""
    from api_base.cli.running import run
    from api_base.operations.search_admin import verify as compare

    with _Progress("compared") as progress:
        outcome = run(lambda settings, contexts: compare(settings, contexts, index, repair=repair, progress=progress.show))
    for name, one in outcome.items():
        found, remaining = one.found, one.remaining
        print(f"{name}: {found.documents} documents, {'' if found.complete else 'over '}{len(found.differences)} differences")
        for difference in found.differences[:20]:
            print(f"  {difference.fault.value}: {difference.id} of tenant {difference.tenant_id}")
        if repair and found.differences:
            print(f"{name}: {len(remaining.differences)} differences remain after the repair")
        if not remaining.equal:
            print(f"{name}: {f'run api-base search reindex {name}' if repair else 'repair them with --repair'}")
    raise typer.Exit(1 if any(not one.remaining.equal for one in outcome.values()) else 0)


@app.command()
def rollback(index: Annotated[str, typer.Argument(help="Name of the search index.")]) -> None:
    """Put the index back that was live before the last reindex. It has received all writes since."""
    from api_base.cli.running import run
    from api_base.operations.search_admin import rollback as revert

    run(lambda settings, contexts: revert(settings, contexts, index))
    print(f"{index}: the previous index is live again. The same command undoes this.")


class _Progress:
    """Shows a progress bar on a terminal; elsewhere prints a line every few seconds."""

    def __init__(self, done: str, interval: float = 5.0) -> None:
        self._done, self._interval, self._began = done, interval, time.monotonic()
        self._printed = self._began
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bar = Progress(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[count]}"), console=Console(stderr=True)
            )
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, index: str, count: int) -> None:
        """Show the number of documents of an index so far."""
        text = f"{count} {self._done}, {count / max(time.monotonic() - self._began, 0.001):.0f}/s"
        if self._bar is not None:
            if index not in self._tasks:
                self._tasks[index] = self._bar.add_task(index, total=None, count=text)
            self._bar.update(self._tasks[index], count=text)
        elif time.monotonic() - self._printed > self._interval:
            self._printed = time.monotonic()
            print(f"{index}: {text}", file=sys.stderr)
