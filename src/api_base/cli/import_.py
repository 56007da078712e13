"""`api-base import`: bring data in through the application, with its rules, audit and permissions."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api_base.application.items.importing import Report

app = typer.Typer(no_args_is_help=True, help="Import data.")


@app.callback()
def import_() -> None:
    """Import data."""


@app.command()
def items(
    file: Annotated[str, typer.Argument(help="CSV, JSON or JSON Lines file; - for standard input.")],
    tenant: Annotated[str, typer.Option(help="Slug or id of the tenant.")],
    email: Annotated[str, typer.Option("--as", help="E-mail address of the user who imports.")],
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="target=Column, target=Column[0] (first of comma-separated values) or target=Column[] (all of them)."),
    ] = None,
    constants: Annotated[list[str] | None, typer.Option("--set", help="target=value for every row.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="csv, json or jsonl. Default: by the file's name.")] = None,
    refused: Annotated[Path | None, typer.Option(help="Where refused rows go. Default: FILE.refused.csv or .jsonl here.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row, change nothing.")] = False,
    resume: Annotated[bool, typer.Option(help="Continue an interrupted import of the same file.")] = True,
) -> None:
    """Import items: new skus are created, known ones changed where they differ. Refused rows go to a file, with the reason.

    A row is the whole item: what the file has no column for is empty after_response. The exit code is 0 where rows were refused, too.

    Targets are sku, name, description, category, tags, price, currency and attributes.NAME.
    """
    import asyncio

    from api_base.bootstrap.configuration import load
    from api_base.operations.item_import import ImportOptions, import_items
    from api_base.serving.resolving import database, on

    settings, contexts = load()
    options = ImportOptions(
        file=file,
        tenant=tenant,
        email=email,
        maps=maps or [],
        constants=constants or [],
        format=form,
        refused=refused,
        dry_run=dry_run,
        resume=resume,
    )
    with database(settings) as urls, _Progress() as progress:
        report = asyncio.run(import_items(on(settings, urls), contexts, options, progress.show))
    what = "would be imported" if dry_run else "imported"
    print(f"{report.created} {what}, {report.updated} updated, {report.unchanged} unchanged, {report.refused} refused")
    if report.refused:
        print(f"Refused rows with their reasons: {options.refused_path}")


class _Progress:
    """A bar on a terminal; elsewhere a line every few seconds."""

    def __init__(self, pause: float = 5.0) -> None:
        self._pause, self._told = pause, time.monotonic()
        self._first: int | None = None
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.fields[rows]} rows, {task.fields[rate]:.0f}/s"), BarColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
            self._task = self._bar.add_task("import", total=None, rows=0, rate=0)
        self._began = time.monotonic()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, read: int, size: int, report: "Report") -> None:
        self._first = report.rows if self._first is None else self._first  # what an interrupted import had done already
        rate = (report.rows - self._first) / max(time.monotonic() - self._began, 0.001)
        if self._bar is not None:
            self._bar.update(self._task, completed=read, total=size or None, rows=report.rows, rate=rate)
        elif time.monotonic() - self._told > self._pause:
            self._told = time.monotonic()
            print(f"{report.rows} rows, {rate:.0f}/s{f', {read / size:.0%}' if size else ''}", file=sys.stderr)
